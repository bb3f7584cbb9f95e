"""A conversation in the browser: written, seen while it is answered, and nothing lost on the way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.db import transaction
from playwright.sync_api import expect

from reviews.conversations.actions import END_SIGNAL, say
from reviews.conversations.models import Turn
from reviews.outbox.models import Message
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.runs.recording import AttemptSeen, Execution, record
from tests.browser.conftest import SignIn
from tests.browser.moments import opened
from tests.browser.scene import Scene
from tests.support.conversations import answer, deliver, start_chat

pytestmark = pytest.mark.browser


def writes(run: Run, text: str) -> None:
    """The worker's note of an answer that is being written."""
    execution = Execution(run.namespace, run.workflow_id, run.run_id or "", run.workflow_type)
    began = Turn.objects.latest("created_at").created_at
    record([AttemptSeen(execution, "9", "answer_message", 1, "worker", began, progress={"text": text})])


def test_a_message_is_sent_by_enter_and_answered_before_ones_eyes(
    scene: Scene, sign_in: SignIn, screenshots: Path
) -> None:
    run = start_chat(scene.home, scene.people.olga)
    page = opened(sign_in(scene.people.olga), f"/runs/{run.id}/chat/")
    expect(page.get_by_text("Nothing was said yet")).to_be_visible()
    field = page.get_by_label("Your message")
    field.fill("Tell me")
    field.press("Shift+Enter")
    field.press_sequentially("about night trains")
    field.press("Enter")
    expect(page.locator(".turn.is-person")).to_contain_text("recorded, on its way to the agent")
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    turn = Turn.objects.get()
    assert turn.text == "Tell me\nabout night trains"

    deliver(run)
    field.press_sequentially("And al")
    for beginning in ("Night trains", "Night trains sell out because"):
        writes(run, beginning)
        expect(page.locator(".is-writing .bubble")).to_have_text(beginning)
    page.screenshot(path=screenshots / "chat-writing.png")
    answer(turn, "Night trains sell out because **few run**.")
    expect(page.locator(".turn.is-agent .bubble")).to_have_text("Night trains sell out because few run.")
    expect(page.locator(".is-writing")).to_have_count(0)
    field.press_sequentially("so:")
    expect(field).to_have_value("And also:")
    expect(field).to_be_focused()


def test_two_write_at_once_and_each_sees_both(scene: Scene, sign_in: SignIn) -> None:
    run = start_chat(scene.home, scene.people.olga)
    olga, ada = (
        opened(sign_in(one), f"/runs/{run.id}/chat/") for one in (scene.people.olga, scene.people.ada)
    )
    for page, words in ((olga, "from Olga"), (ada, "from Ada")):
        page.get_by_label("Your message").fill(words)
    for page in (olga, ada):
        page.get_by_role("button", name="Send").dblclick()
    for page in (olga, ada):
        expect(page.locator(".turn.is-person")).to_have_count(2)
        expect(page.get_by_text("from Olga")).to_be_visible()
        expect(page.get_by_text("from Ada")).to_be_visible()
    assert Turn.objects.count() == 2


def test_what_cannot_be_sent_stays_with_the_reason(scene: Scene, sign_in: SignIn) -> None:
    run = start_chat(scene.home, scene.people.olga)
    page = opened(sign_in(scene.people.olga, goes_offline=True), f"/runs/{run.id}/chat/")
    field = page.get_by_label("Your message")
    field.press("Enter")
    expect(page.get_by_text("Write something first.")).to_be_visible()
    field.fill("x" * 100_000)
    field.press("Enter")
    expect(page.get_by_text(re.compile("this has 100,000"))).to_be_visible()
    expect(field).to_have_value("x" * 100_000)
    field.fill("Once")
    page.context.set_offline(True)
    field.press("Enter")
    expect(page.get_by_text(re.compile("could not be sent"))).to_be_visible()
    expect(field).to_have_value("Once")
    page.context.set_offline(False)
    field.press("Enter")
    expect(page.locator(".turn.is-person")).to_have_text(re.compile("Once"))
    expect(page.get_by_text(re.compile("could not be sent"))).to_have_count(0)
    assert [turn.text for turn in Turn.objects.all()] == ["Once"]


def test_an_open_page_follows_to_the_next_execution(scene: Scene, sign_in: SignIn) -> None:
    run = start_chat(scene.home, scene.people.olga)
    page = opened(sign_in(scene.people.olga), f"/runs/{run.id}/chat/")
    turn = say(run, "Hello", by=scene.people.olga)
    newest = mirroring.adopt(run.namespace, run.workflow_id, "the-next-one")
    Run.objects.filter(id=run.id).update(status="continued_as_new")
    answer(turn, "Hi")
    expect(page.locator(f"#writing[data-live*='{newest.id}']")).to_have_count(1)
    say(run, "Once more", by=scene.people.ada)
    writes(newest, "I am wri")
    expect(page.locator(".is-writing .bubble")).to_have_text("I am wri")


def test_a_conversation_ends_while_somebody_writes(scene: Scene, sign_in: SignIn) -> None:
    run = start_chat(scene.home, scene.people.olga)
    say(run, "Hello", by=scene.people.ada)
    page = opened(sign_in(scene.people.olga), f"/runs/{run.id}/chat/")
    page.get_by_label("Your message").fill("What I had in mind")
    Run.objects.filter(id=run.id).update(status="completed")
    say_so(run)
    expect(page.get_by_text("The conversation is over (completed).")).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("What I had in mind")
    expect(page.get_by_role("button", name="Send")).to_be_disabled()


def test_it_is_written_and_read_without_scripts(scene: Scene, sign_in: SignIn) -> None:
    run = start_chat(scene.home, scene.people.olga)
    page = sign_in(scene.people.olga, java_script_enabled=False)
    page.goto(f"/runs/{run.id}/")
    page.get_by_role("link", name="Conversation", exact=False).first.click()
    page.get_by_label("Your message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".turn.is-person")).to_contain_text("Hello")
    page.locator("summary", has_text="End…").click()
    with page.expect_navigation():
        page.get_by_role("button", name="End the conversation").click()
    expect(page.locator(".turn.is-person")).to_contain_text("Hello")
    assert Message.objects.latest("id").body["name"] == END_SIGNAL


def say_so(run: Run) -> None:
    """The mirror's word."""
    with transaction.atomic():
        mirroring.tell(run)
