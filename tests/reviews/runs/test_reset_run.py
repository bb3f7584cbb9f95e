"""Resets: to the end of a workflow task of the run, also when it has ended."""

from __future__ import annotations

import pytest
from django.utils import timezone

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.actions import RunGone
from reviews.runs.controlling import reset_run
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run, RunStatus
from reviews.runs.queries import reset_points, task_failure
from tests.support import short_histories


@pytest.fixture
def run(run: Run) -> Run:
    short_histories.keep_short_history(run)
    run.refresh_from_db()
    return run


def test_the_points_are_the_ends_of_workflow_tasks_with_what_followed(run: Run) -> None:
    points = reset_points(run, limit=100)

    assert [(point.event_id, point.outcome) for point in points] == [(8, "failed"), (4, "completed")]
    assert [list(point.followed) for point in points] == [[], ["scheduled pay", "scheduled mail"]]


def test_the_first_point_is_there_however_long_the_history(run: Run) -> None:
    short_histories.keep(
        run, *[short_histories.event(id, short_histories.TASK_COMPLETED) for id in range(9, 40)]
    )

    assert [point.event_id for point in reset_points(run, limit=3)] == [39, 38, 37, 4]


def test_what_followed_is_counted_where_there_is_much(run: Run) -> None:
    short_histories.keep(
        run,
        short_histories.event(9, short_histories.TASK_COMPLETED),
        *[short_histories.scheduled(id, "pay") for id in range(10, 20)],
    )
    [point] = reset_points(run, limit=1)[:1]

    assert (len(point.followed), point.more) == (3, 7)


def test_a_reset_is_queued_and_audited(run: Run, olga: Account) -> None:
    reset_run(run, 4, "A bad deploy.", by=olga)

    message = Message.objects.get(kind="reset")
    assert message.body == {"event_id": 4, "reason": "A bad deploy. (olga, by Agentsite)"}
    assert (message.run_id, message.subject) == (run.run_id, run.id)
    details = AuditEvent.objects.get(verb="run.reset", actor=olga).details
    assert (details["event_id"], details["reason"], details["request"]) == (
        4,
        "A bad deploy.",
        str(message.request_id),
    )


def test_a_run_that_ended_can_be_reset(run: Run, olga: Account) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.FAILED, closed_at=timezone.now())
    reset_run(run, 8, "once more", by=olga)

    assert Message.objects.filter(kind="reset").count() == 1


@pytest.mark.parametrize("event_id", [1, 3, 5, 9, 99])
def test_no_other_event_is_a_point(run: Run, olga: Account, event_id: int) -> None:
    with pytest.raises(InvalidInput) as refusal:
        reset_run(run, event_id, "x", by=olga)

    assert [fault.pointer for fault in refusal.value.faults] == ["/event_id"]
    assert not Message.objects.filter(kind="reset").exists()


def test_a_run_that_temporal_holds_no_more_cannot_be_reset(run: Run, olga: Account) -> None:
    Run.objects.filter(id=run.id).update(gone_at=timezone.now())
    with pytest.raises(RunGone):
        reset_run(run, 4, "x", by=olga)


def test_the_last_failure_of_the_workflows_code_is_in_the_history(run: Run) -> None:
    assert task_failure(run) == {"cause": "", "message": "a bad deploy", "unknown": False}
