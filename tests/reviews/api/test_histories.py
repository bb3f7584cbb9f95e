"""GET /runs/{id}/steps and /events: what a run did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import zstandard
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.outbox import actions as outbox
from reviews.people.models import Account
from reviews.runs.chunks import Chunk
from reviews.runs.ingesting import HistorySeen, ingest
from reviews.runs.models import Attempt, Run
from reviews.runs.steps import StepSeen
from tests.support.calls import record_call
from tests.support.rest import Rest

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
EVENTS, CHUNK = 12, 5


@pytest.fixture
def history(run: Run) -> Run:
    """Twelve events in chunks of five; the activity `pay` took two attempts, the timer one event."""
    epoch = outbox.raise_epoch("test", 0)
    steps = {
        5: [
            StepSeen(
                5, "activity", "pay", activity_id="1", status="completed", attempts=2, input={"amount": 1},
                result="paid", scheduled_at=NOON, closed_at=NOON + timedelta(seconds=3),
            ),
        ],
        10: [StepSeen(9, "timer", "", status="scheduled", scheduled_at=NOON)],
    }  # fmt: skip
    for first in range(1, EVENTS + 1, CHUNK):
        last = min(first + CHUNK - 1, EVENTS)
        ingest(
            run,
            HistorySeen(
                first, last, [Chunk(first, last, _chunk(first, last))], 100, steps=steps.get(last, [])
            ),
            epoch=epoch,
        )
    for number, outcome in ((1, "failed"), (2, "completed")):
        Attempt.objects.create(
            run=run, activity_id="1", activity_type="pay", number=number, outcome=outcome, worker="w",
            started_at=NOON, ended_at=NOON, failure={"type": "Timeout"} if outcome == "failed" else None,
        )  # fmt: skip
    return run


def _chunk(first: int, last: int) -> bytes:
    kind = EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED
    events = [HistoryEvent(event_id=id, event_type=kind) for id in range(first, last + 1)]
    return zstandard.ZstdCompressor().compress(History(events=events).SerializeToString())


def test_steps_come_newest_first_with_the_attempts_that_were_recorded(
    rest: Rest, history: Run, victor: Account
) -> None:
    timer, pay = rest.get(f"/runs/{history.id}/steps", victor).json["items"]

    assert (timer["kind"], timer["attempts"], timer["closed_at"]) == ("timer", [], None)
    assert (pay["name"], pay["status"], pay["input"], pay["result"]) == (
        "pay",
        "completed",
        {"amount": 1},
        "paid",
    )
    assert pay["attempt_count"] == 2
    assert [(attempt["number"], attempt["outcome"]) for attempt in pay["attempts"]] == [
        (1, "failed"),
        (2, "completed"),
    ]
    assert pay["attempts"][0]["failure"] == {"type": "Timeout"}
    assert pay["scheduled_at"] == "2030-01-01T12:00:00Z"


def test_steps_come_in_pages(rest: Rest, history: Run, victor: Account) -> None:
    first = rest.get(f"/runs/{history.id}/steps?limit=1", victor).json
    second = rest.get(f"/runs/{history.id}/steps?limit=1&cursor={first['next']}", victor).json

    assert [step["event_id"] for step in first["items"] + second["items"]] == [9, 5]
    assert second["next"] is None


def test_events_come_oldest_first(rest: Rest, history: Run, victor: Account) -> None:
    events = rest.get(f"/runs/{history.id}/events", victor).json

    assert [event["id"] for event in events["items"]] == list(range(1, EVENTS + 1))
    assert events["items"][0]["type"] == "WorkflowTaskScheduled"
    assert events["next"] is None


@pytest.mark.parametrize("after", [0, 4, 5, 11, 12, 2**31 - 1])
def test_events_come_after_the_last_one_seen(rest: Rest, history: Run, victor: Account, after: int) -> None:
    events = rest.get(f"/runs/{history.id}/events?after={after}", victor).json["items"]

    assert [event["id"] for event in events] == list(range(after + 1, EVENTS + 1))


def test_events_come_in_pages_by_cursor(rest: Rest, history: Run, victor: Account) -> None:
    ids, cursor = [], ""
    while cursor is not None:
        page = rest.get(f"/runs/{history.id}/events?limit=5&cursor={cursor}", victor).json
        ids.append([event["id"] for event in page["items"]])
        cursor = page["next"]

    assert ids == [[1, 2, 3, 4, 5], [6, 7, 8, 9, 10], [11, 12]]


@pytest.mark.parametrize("query", ["after=-1", "after=x", f"after={2**31}", "limit=501", "cursor=x"])
def test_a_place_that_is_none_is_pointed_at(rest: Rest, history: Run, victor: Account, query: str) -> None:
    answer = rest.get(f"/runs/{history.id}/events?{query}", victor)

    assert (answer.status, answer.pointers) == (422, [f"/{query.partition('=')[0]}"])


@pytest.mark.parametrize("part", ["steps", "events", "history"])
def test_a_run_abroad_has_no_history(rest: Rest, run: Run, charlie: Account, part: str) -> None:
    assert rest.get(f"/runs/{run.id}/{part}", charlie).problem == "not-found"


def test_the_whole_history_is_a_file(rest: Rest, history: Run, victor: Account) -> None:
    answer = rest.get(f"/runs/{history.id}/history", victor)

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert [int(event["eventId"]) for event in answer.json["events"]] == list(range(1, EVENTS + 1))


def test_steps_calls_and_events_have_pages(rest: Rest, history: Run, victor: Account) -> None:
    record_call(history, activity_id="1")
    timer, pay = rest.get(f"/runs/{history.id}/steps", victor).json["items"]
    [event] = rest.get(f"/runs/{history.id}/events?after=11", victor).json["items"]
    [call] = pay["model_calls"]
    rest.client.force_login(victor)

    for step in (timer, pay):
        assert f'id="step-{step["event_id"]}"' in rest.client.get(step["url"]).text
    for url in (call["url"], event["url"]):
        assert rest.client.get(url).status_code == 200
    assert event["url"].endswith("/events/12/")
