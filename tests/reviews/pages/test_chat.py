"""The page of a conversation: who said what, what became of it, and saying something without scripts."""

from __future__ import annotations

import pytest
from django.test import Client

from reviews.conversations.actions import Heard, say
from reviews.conversations.models import Turn
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run, RunStatus
from reviews.workspaces.models import Workspace
from tests.support.conversations import answer, call_tool, deliver, keep, refuse, start_chat, write
from tests.support.people import ask_refund, start_refund


@pytest.fixture
def run(home: Workspace, olga: Account) -> Run:
    return start_chat(home, olga)


def shown(client: Client, run: Run, **query: str) -> str:
    response = client.get(f"/runs/{run.id}/chat/", query)
    assert response.status_code == 200
    return response.content.decode()


def send(client: Client, run: Run, text: str, **more: str) -> tuple[int, str]:
    response = client.post(f"/runs/{run.id}/turns/", {"text": text, **more})
    return response.status_code, response.content.decode()


def test_saying_something_without_scripts(as_olga: Client, run: Run) -> None:
    response = as_olga.post(f"/runs/{run.id}/turns/", {"text": "Hello <b>you</b>"}, follow=True)

    page = response.content.decode()
    assert response.redirect_chain == [(f"/runs/{run.id}/chat/", 302)]
    assert "Hello &lt;b&gt;you&lt;/b&gt;" in page and "recorded, on its way to the agent" in page


def test_a_double_click_says_it_once(as_olga: Client, run: Run) -> None:
    assert [send(as_olga, run, "Hello", attempt="a" * 20)[0] for _ in range(2)] == [302, 302]
    assert Turn.objects.count() == Message.objects.filter(kind="signal").count() == 1
    assert send(as_olga, run, "Hello!", attempt="a" * 20)[0] == 409, "other words under the same name"


@pytest.mark.parametrize(
    ("text", "words"), [(" ", "Write something first."), ("é" * 100_000, "this has 100,000")]
)
def test_what_cannot_be_said_comes_back_with_the_reason(
    as_olga: Client, run: Run, text: str, words: str
) -> None:
    status, page = send(as_olga, run, text)

    assert status == 422 and words in page
    assert text.strip() in page, "nothing of it is lost"
    assert not Turn.objects.exists()


def test_a_message_to_a_closed_conversation_comes_back(as_olga: Client, run: Run) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    status, page = send(as_olga, run, "Are you there?")

    assert status == 409 and "The conversation has ended" in page and "Are you there?" in page


def test_what_became_of_a_message(as_victor: Client, run: Run, olga: Account) -> None:
    turn = say(run, "Hello", by=olga)
    assert "recorded, on its way" in shown(as_victor, run)
    Message.objects.filter(request_id=turn.id).update(last_error="connection refused")
    assert "connection refused" in shown(as_victor, run)
    deliver(run)
    assert "delivered, waiting for the agent" in shown(as_victor, run)
    write(run, "Good mor")
    page = shown(as_victor, run)
    assert "Good mor" in page and "waiting for the agent" not in page
    answer(turn, "Good **morning**")
    page = shown(as_victor, run)
    assert "<strong>morning</strong>" in page and "demo model" in page
    assert page.count("Good") == 1, "the answer stands there once"


def test_a_first_message_is_seen_before_a_worker_comes(
    as_victor: Client, home: Workspace, olga: Account
) -> None:
    run = start_chat(home, olga, message="Hello, I am first")
    Run.objects.filter(id=run.id).update(status=RunStatus.STARTING)
    page = shown(as_victor, run)
    assert "Hello, I am first" in page and "recorded, on its way" in page

    say(run, "And I am second", by=olga)
    page = shown(as_victor, run)
    assert page.index('dir="auto">Hello, I am first') < page.index("And I am second")
    assert [turn.number for turn in Turn.objects.order_by("number")] == [1, 2]


def test_a_message_that_nobody_answered_says_so(as_victor: Client, run: Run, olga: Account) -> None:
    say(run, "Hello", by=olga)
    refuse(run, "workflow execution already completed")
    Run.objects.filter(id=run.id).update(status=RunStatus.TERMINATED)

    page = shown(as_victor, run)
    assert "not delivered" in page and "already completed" in page
    assert "The conversation is over (terminated)" in page


def test_a_call_that_waits_links_to_its_question(as_bob: Client, run: Run, olga: Account) -> None:
    turn, question = say(run, "Refund 120.50 to Dora", by=olga), ask_refund(run)
    call_tool(
        turn,
        "issue_refund",
        arguments={"customer": "Dora", "amount": 120.5},
        state="waiting",
        escalation_id=str(question.id),
    )
    page = shown(as_bob, run)

    assert f"/questions/{question.id}/" in page and "waits for a person" in page
    assert "120.5" in page and ">Decide<" in page.replace("\n", "").replace("</svg>", ">")


def test_the_words_of_a_tool_are_text(as_victor: Client, run: Run, olga: Account) -> None:
    call_tool(
        say(run, "Order 1003", by=olga), "look_up_order", state="done", text="<script>alert(1)</script>"
    )
    page = shown(as_victor, run)

    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


def test_a_viewer_reads_and_an_operator_writes(as_victor: Client, as_olga: Client, run: Run) -> None:
    assert "<textarea" not in shown(as_victor, run) and "takes the role operator" in shown(as_victor, run)
    assert "<textarea" in shown(as_olga, run)


def test_a_signal_that_came_past_agentsite_is_marked(as_victor: Client, run: Run) -> None:
    keep(run, Heard("raw", "person", "I am Olga, pay!", name="Olga"))

    assert "by signal" in shown(as_victor, run)


def test_the_page_follows_the_chain(as_olga: Client, run: Run, olga: Account) -> None:
    say(run, "Before", by=olga)
    newest = mirroring.adopt(run.namespace, run.workflow_id, "the-next-one")
    Run.objects.filter(id=run.id).update(status=RunStatus.CONTINUED_AS_NEW)

    page = shown(as_olga, run)
    assert "Before" in page and f"run:{newest.id}" in page and "<textarea" in page
    assert f"/runs/{newest.id}/chat/" in as_olga.get(f"/runs/{newest.id}/").content.decode()


def test_long_ones_are_read_page_by_page(as_victor: Client, run: Run, olga: Account) -> None:
    for number in range(1, 61):
        keep(run, Heard(f"m{number}", "person", f"word-{number}-"))
    newest = shown(as_victor, run)

    assert "word-60-" in newest and "word-10-" not in newest and "?before=11" in newest
    earlier = shown(as_victor, run, before="11")
    assert "word-1-" in earlier and "word-11-" not in earlier and 'data-live="run:' not in earlier


def test_an_open_page_gets_what_it_has_not(as_victor: Client, run: Run, olga: Account) -> None:
    htmx = {"HX-Request": "true"}
    turn = say(run, "Hello", by=olga)
    page = shown(as_victor, run)
    version = page.split("?shown=")[1].split('"')[0]
    address = f"/runs/{run.id}/chat/?shown={version}"
    alone = as_victor.get(address, headers=htmx)
    assert alone.content.decode().strip().startswith('<div id="writing"') and "HX-Retarget" not in alone
    answer(turn, "Hi")
    whole = as_victor.get(address, headers=htmx)
    assert whole["HX-Retarget"] == "#chat" and "Hi" in whole.content.decode()


def test_another_run_says_that_it_is_no_conversation(as_olga: Client, home: Workspace, olga: Account) -> None:
    refund = start_refund(home, olga)

    assert "This run is no conversation" in shown(as_olga, refund)
    assert "Conversation" not in as_olga.get(f"/runs/{refund.id}/").content.decode()
    assert send(as_olga, refund, "Hello")[0] == 422


def test_ending_asks_the_agent(as_olga: Client, run: Run, olga: Account) -> None:
    say(run, "Hello", by=olga)
    assert as_olga.post(f"/runs/{run.id}/chat/ending/", {"attempt": "b" * 20}).status_code == 302
    assert Message.objects.filter(kind="signal").last().body["name"] == "chat_end"  # type: ignore[union-attr]
