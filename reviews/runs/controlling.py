"""Steering a run beyond signal, cancel and terminate: updates, resets, pauses, and its pending activities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reviews.outbox.models import MessageKind
from reviews.people.models import Account
from reviews.runs.actions import control
from reviews.runs.faults import Fault, InvalidInput
from reviews.runs.models import Run
from reviews.runs.queries import is_reset_point
from reviews.runs.text import clean

LONGEST_NAME = 255


def update_run(run: Run, name: str, arguments: Sequence[Any], *, by: Account) -> None:
    """Queue an update: the workflow may refuse it, and its answer stands among the run's steps.

    Raises :class:`~reviews.runs.actions.RunClosed`.
    """
    name = clean(name)
    control(run, MessageKind.UPDATE, {"name": name, "arguments": clean(arguments)}, by=by, update=name)


def reset_run(run: Run, event_id: int, reason: str, *, by: Account) -> None:
    """Queue a reset to the end of a workflow task: what came after it is done again, in a new execution.

    A run that ended can be reset too. Raises :class:`InvalidInput` where the event is no such end (or is not
    mirrored), and :class:`~reviews.runs.actions.RunClosed` where Temporal holds the run no more.
    """
    if run.run_id is None or not is_reset_point(run, event_id):
        raise InvalidInput([Fault("/event_id", f"No workflow task ended at event {event_id} of this run.")])
    body = {"event_id": event_id, "reason": _signed(reason, by)}
    control(run, MessageKind.RESET, body, by=by, closed_too=True, event_id=event_id, reason=clean(reason))


def pause_run(run: Run, reason: str = "", *, by: Account) -> None:
    """Queue a pause: no code of the workflow runs until it ends. Raises :class:`~reviews.runs.actions.RunClosed`."""
    control(run, MessageKind.PAUSE, {"reason": _signed(reason, by)}, by=by, reason=clean(reason))


def unpause_run(run: Run, *, by: Account) -> None:
    """Raises :class:`~reviews.runs.actions.RunClosed`."""
    control(run, MessageKind.UNPAUSE, {"reason": _signed("", by)}, by=by)


def pause_activity(run: Run, activity_id: str, *, by: Account) -> None:
    """Queue a pause of one pending activity: a try that runs may end, no further one begins.

    Raises :class:`~reviews.runs.actions.RunClosed`, and :class:`InvalidInput` for what cannot be an id.
    """
    _control_activity(run, MessageKind.PAUSE_ACTIVITY, activity_id, by=by)


def unpause_activity(run: Run, activity_id: str, *, by: Account) -> None:
    """Raises as :func:`pause_activity`."""
    _control_activity(run, MessageKind.UNPAUSE_ACTIVITY, activity_id, by=by)


def retry_activity(run: Run, activity_id: str, *, by: Account) -> None:
    """Queue a try right away, whatever the activity waits for; its attempts are counted from 1 again.

    Raises as :func:`pause_activity`.
    """
    _control_activity(run, MessageKind.RETRY_ACTIVITY, activity_id, by=by)


def _control_activity(run: Run, kind: MessageKind, activity_id: str, *, by: Account) -> None:
    activity_id = clean(activity_id)
    if not activity_id or len(activity_id) > LONGEST_NAME:
        raise InvalidInput([Fault("/activity_id", "This is no activity's id.")])
    body = {"activity_id": activity_id, "reason": _signed("", by)}
    control(run, kind, body, by=by, activity_id=activity_id)


def _signed(reason: str, by: Account) -> str:
    """As Temporal's own tools will show it: they know Agentsite, and not its people."""
    reason = str(clean(reason)).strip()
    return f"{reason} ({by.name}, by Agentsite)" if reason else f"{by.name}, by Agentsite"
