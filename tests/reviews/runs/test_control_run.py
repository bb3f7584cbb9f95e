"""What people and agents ask of a run as it runs, from a signal to a termination."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.utils import timezone

from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.actions import RunClosed, RunGone, cancel_run, signal_run, terminate_run
from reviews.runs.controlling import (
    pause_activity,
    pause_run,
    retry_activity,
    unpause_activity,
    unpause_run,
    update_run,
)
from reviews.runs.faults import InvalidInput
from reviews.runs.models import OPEN_STATUSES, Run, RunStatus

Control = Callable[[Run, Account], None]
CONTROLS: dict[str, Control] = {
    "signal": lambda run, by: signal_run(run, "hurry", {"by": "noon"}, by=by),
    "cancel": lambda run, by: cancel_run(run, by=by),
    "terminate": lambda run, by: terminate_run(run, "by mistake", by=by),
    "update": lambda run, by: update_run(run, "set_limit", [{"limit": 5}], by=by),
    "pause": lambda run, by: pause_run(run, by=by),
    "unpause": lambda run, by: unpause_run(run, by=by),
    "pause_activity": lambda run, by: pause_activity(run, "5", by=by),
    "unpause_activity": lambda run, by: unpause_activity(run, "5", by=by),
    "retry_activity": lambda run, by: retry_activity(run, "5", by=by),
}
EVERY = pytest.mark.parametrize("kind", CONTROLS)


@EVERY
def test_what_is_asked_for_is_queued_audited_and_told(run: Run, olga: Account, kind: str) -> None:
    changes = Change.objects.filter(topic="run", object_id=str(run.id)).count()
    CONTROLS[kind](run, olga)

    message = Message.objects.get(kind=kind)
    assert (message.workflow_id, message.run_id, message.subject) == (run.workflow_id, run.run_id, run.id)
    event = AuditEvent.objects.get(verb=f"run.{kind}")
    assert (event.actor, event.object_id) == (olga, str(run.id))
    assert event.details["request"] == str(message.request_id)
    assert Change.objects.filter(topic="run", object_id=str(run.id)).count() == changes + 1


@EVERY
@pytest.mark.parametrize("status", sorted(set(RunStatus) - set(OPEN_STATUSES)))
def test_a_run_that_ended_takes_nothing(run: Run, olga: Account, kind: str, status: RunStatus) -> None:
    Run.objects.filter(id=run.id).update(status=status)

    with pytest.raises(RunClosed):
        CONTROLS[kind](run, olga)
    assert not Message.objects.filter(kind=kind).exists()
    assert not AuditEvent.objects.filter(verb=f"run.{kind}").exists()


@EVERY
@pytest.mark.parametrize("field", ["gone_at", "imported_at"])
def test_a_run_that_no_server_holds_takes_nothing(run: Run, olga: Account, kind: str, field: str) -> None:
    Run.objects.filter(id=run.id).update(**{field: timezone.now()})

    with pytest.raises(RunGone):
        CONTROLS[kind](run, olga)
    assert not Message.objects.filter(kind=kind).exists()


@EVERY
def test_a_run_that_temporal_has_not_named_yet_is_reached_by_its_workflow_id(
    run: Run, olga: Account, kind: str
) -> None:
    Run.objects.filter(id=run.id).update(run_id=None, status=RunStatus.STARTING)
    CONTROLS[kind](run, olga)

    assert Message.objects.get(kind=kind).run_id is None


def test_cancelling_again_changes_nothing(run: Run, olga: Account) -> None:
    cancel_run(run, by=olga)
    cancel_run(run, by=olga)

    assert (
        Message.objects.filter(kind="cancel").count()
        == AuditEvent.objects.filter(verb="run.cancel").count()
        == 1
    )
    run.refresh_from_db()
    assert run.cancel_requested_at is not None


def test_text_that_cannot_be_stored_is_replaced(run: Run, olga: Account) -> None:
    signal_run(run, "hurry", "\x00now", by=olga)
    terminate_run(run, "\x00why", by=olga)

    assert Message.objects.get(kind="signal").body == {"name": "hurry", "input": "\ufffdnow"}
    assert Message.objects.get(kind="terminate").body == {"reason": "\ufffdwhy"}


@pytest.mark.parametrize("activity_id", ["", "x" * 256])
def test_what_cannot_be_an_activity_is_refused(run: Run, olga: Account, activity_id: str) -> None:
    with pytest.raises(InvalidInput):
        retry_activity(run, activity_id, by=olga)


def test_temporal_is_told_who_it_was(run: Run, olga: Account) -> None:
    pause_run(run, "\x00look", by=olga)
    unpause_run(run, by=olga)

    assert Message.objects.get(kind="pause").body["reason"] == "\ufffdlook (olga, by Agentsite)"
    assert Message.objects.get(kind="unpause").body["reason"] == "olga, by Agentsite"
