"""What a run's page offers to those who may steer it, and what became of what they asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message, MessageKind
from reviews.runs.models import AgentType, Run
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


def offers(viewer: Viewer, run: Run) -> dict[str, Any]:
    """``may_reset``, and how another run like it can be started: ``start_like`` (an address) or ``may_start_again``."""
    held = run.run_id is not None and run.gone_at is None and run.imported_at is None
    may_start = viewer.may(Right.RUNS_START, run.workspace_id)
    agent = _agent_of(run) if may_start else None
    return {
        "may_reset": held and run.last_event_id > 0 and viewer.may(Right.RUNS_CONTROL, run.workspace_id),
        "start_like": _new_run_like(run, agent) if agent else None,
        "may_start_again": may_start and agent is None and bool(run.workflow_type and run.queue) and held,
    }


def _agent_of(run: Run) -> AgentType | None:
    """The registered type that has a form for the run's input."""
    types = AgentType.objects.filter(namespace=run.namespace, workflow_type=run.workflow_type)
    return min(types, key=lambda agent: agent.name != run.agent, default=None)


def _new_run_like(run: Run, agent: AgentType) -> str:
    query = {"workspace": run.workspace.slug, "agent": agent.name, "like": str(run.id)}
    return f"{reverse('new_run')}?{urlencode(query)}"


def sent_to_temporal(run: Run) -> list[Sent]:
    """What people and agents asked of the run, newest first. Decisions stand at their questions."""
    asked = Message.objects.filter(subject=run.id).exclude(kind=MessageKind.START)
    messages = list(asked.order_by("-id")[:NEWEST])
    by = _audited(run, messages) if messages else {}
    return [Sent(message, by.get(message.id, ""), _about(message)) for message in messages]


def _audited(run: Run, messages: list[Message]) -> dict[int, str]:
    events = AuditEvent.objects.filter(
        object_type="run", object_id=str(run.id), details__message__in=[message.id for message in messages]
    )
    return {event.details["message"]: event.actor_name for event in events}


def _about(message: Message) -> str:
    said = message.body.get(_SAID.get(MessageKind(message.kind), ""), "")
    return f"to event {said}" if message.kind == MessageKind.RESET else str(said)
