"""GET and POST /runs/{id}/turns."""

from __future__ import annotations

import pytest

from reviews.conversations.models import Conversation, Turn
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.models import Run, RunStatus
from reviews.workspaces.models import Workspace
from tests.support.conversations import answer, start_chat
from tests.support.rest import Rest


@pytest.fixture
def run(home: Workspace, olga: Account) -> Run:
    return start_chat(home, olga)


def test_what_is_said_is_accepted_once_for_a_key(rest: Rest, run: Run, olga: Account) -> None:
    answers = [rest.post(f"/runs/{run.id}/turns", {"text": "Hello"}, olga, key="k-1") for _ in range(2)]

    assert [one.status for one in answers] == [202, 202]
    assert answers[0].json == answers[1].json
    assert (answers[0].json["number"], answers[0].json["role"], answers[0].json["by"]) == (
        1,
        "person",
        "Olga",
    )
    assert Message.objects.filter(kind="signal").count() == 1
    other = rest.post(f"/runs/{run.id}/turns", {"text": "Hello?"}, olga, key="k-1")
    assert (other.status, other.problem) == (422, "idempotency-key-reused")


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": 1}, {"text": "x" * 100_000}, {"text": "x", "by": "me"}]
)
def test_what_cannot_be_said_is_pointed_at(
    rest: Rest, run: Run, olga: Account, body: dict[str, object]
) -> None:
    refused = rest.post(f"/runs/{run.id}/turns", body, olga)

    assert (refused.status, refused.problem) == (422, "validation")
    assert refused.pointers == ["/by" if "by" in body else "/text"]
    assert not Turn.objects.exists()


def test_a_run_that_ended_takes_nothing(rest: Rest, run: Run, olga: Account) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    refused = rest.post(f"/runs/{run.id}/turns", {"text": "Hello"}, olga)

    assert (refused.status, refused.problem) == (409, "run-closed")


def test_the_conversation_is_read_from_its_beginning(
    rest: Rest, run: Run, olga: Account, victor: Account
) -> None:
    for number in range(3):
        rest.post(f"/runs/{run.id}/turns", {"text": f"no {number}"}, olga)
    first = Turn.objects.get(number=1)
    answer(first, "Yes?")

    page = rest.get(f"/runs/{run.id}/turns?limit=3", victor).json
    rest_of_it = rest.get(f"/runs/{run.id}/turns?cursor={page['next']}", victor).json
    assert [one["text"] for one in page["items"]] == ["no 0", "no 1", "no 2"]
    [last] = rest_of_it["items"]
    assert (last["role"], last["text"], last["answers"], last["demo"]) == (
        "agent",
        "Yes?",
        str(first.id),
        True,
    )
    assert rest_of_it["next"] is None
    after = rest.get(f"/runs/{run.id}/turns?after=3", victor).json
    assert after["items"] == rest_of_it["items"]


def test_a_run_without_a_conversation_has_no_turns(rest: Rest, run: Run, victor: Account) -> None:
    assert rest.get(f"/runs/{run.id}/turns", victor).json == {"items": [], "next": None}


def test_a_turn_has_a_page_where_it_stands(rest: Rest, run: Run, olga: Account) -> None:
    for number in range(60):
        rest.post(f"/runs/{run.id}/turns", {"text": f"no {number}"}, olga)
    turns = rest.get(f"/runs/{run.id}/turns?limit=500", olga).json["items"]
    rest.client.force_login(olga)

    assert len(turns) == 60
    for turn in (turns[0], turns[-1]):
        assert turn["conversation"] == str(Conversation.objects.get().id)
        assert turn["url"].endswith(f"#turn-{turn['number']}")
        assert f'id="turn-{turn["number"]}"' in rest.client.get(turn["url"]).text
