"""What a run's page offers to those who may steer it, and what became of what they asked for."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import OuterRef, Subquery, UUIDField
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message, MessageKind
from reviews.runs.models import Run
from reviews.workspaces.access import Right, Viewer

NEWEST = 10
_SAID = {
    MessageKind.SIGNAL: "name",
    MessageKind.UPDATE: "name",
    MessageKind.RESET: "event_id",
    MessageKind.PAUSE_ACTIVITY: "activity_id",
    MessageKind.UNPAUSE_ACTIVITY: "activity_id",
    MessageKind.RETRY_ACTIVITY: "activity_id",
}


@dataclass(frozen=True)
class Sent:
    """A message with who caused it (empty where that is not audited) and what it was about."""

    message: Message
    by: str
    about: str


def offers(viewer: Viewer, run: Run) -> dict[str, bool]:
    """Beside what an open run takes: ``may_reset``, and ``may_repeat``, to start another like it."""
    held = run.run_id is not None and run.gone_at is None and run.imported_at is None
    return {
        "may_reset": held and run.last_event_id > 0 and viewer.may(Right.RUNS_CONTROL, run.workspace_id),
        "may_repeat": bool(run.workflow_type) and viewer.may(Right.RUNS_START, run.workspace_id),
    }


def sent_to_temporal(run: Run) -> list[Sent]:
    """What people and agents asked of the run, newest first. Decisions stand at their questions."""
    asked = Message.objects.filter(subject=run.id).exclude(kind=MessageKind.START)
    audited = AuditEvent.objects.filter(object_type="run", object_id=str(run.id)).annotate(
        of=Cast(KT("details__request"), UUIDField())
    )
    messages = asked.annotate(
        by=Subquery(audited.filter(of=OuterRef("request_id")).values("actor_name")[:1])
    ).order_by("-id")[:NEWEST]
    return [Sent(message, message.by or "", _about(message)) for message in messages]  # type: ignore[attr-defined]


def _about(message: Message) -> str:
    said = message.body.get(_SAID.get(MessageKind(message.kind), ""), "")
    return f"to event {said}" if message.kind == MessageKind.RESET else str(said)
