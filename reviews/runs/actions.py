"""Writes to runs that people and workers cause. What the mirror writes stands in ``mirroring.py``."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.outbox import actions as outbox
from reviews.outbox.models import MessageKind
from reviews.people.models import Account
from reviews.runs.faults import Fault, InvalidInput, faults_of
from reviews.runs.models import AgentType, HistoryChunk, Run, RunStatus
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace

DECISION_SIGNAL = "provide_human_input"


class UnknownAgent(Exception):
    """No worker registered an agent of this name in the workspace's namespace."""


class RunClosed(Exception):
    """The run has ended: it takes no signal, cancellation or termination."""


class RunGone(RunClosed):
    """Temporal holds the run no more, or never did: nothing can be sent there."""


def register_agent_type(namespace: str, name: str, **fields: Any) -> AgentType:
    """Called by each worker when it starts; the last one to start has the last word."""
    with transaction.atomic():
        agent, _ = AgentType.objects.update_or_create(
            namespace=namespace, name=name, defaults={**fields, "registered_at": timezone.now()}
        )
        changes.record(("agents", agent.id), workspace_id=None)
        return agent


def start_run(workspace: Workspace, agent_name: str, input: Any, *, by: Account) -> Run:
    """Record a run that Temporal shall start; the workflow id is fixed at once.

    Raises :class:`UnknownAgent` and :class:`InvalidInput` (against the agent's schema).
    """
    agent = AgentType.objects.filter(namespace=workspace.namespace, name=agent_name).first()
    if agent is None:
        raise UnknownAgent(agent_name)
    input = clean(input)
    _check(input, agent.input_schema)
    run_id = uuid.uuid4()
    with transaction.atomic():
        run = Run.objects.create(
            id=run_id,
            chain=run_id,
            workspace=workspace,
            namespace=workspace.namespace,
            workflow_id=f"{agent.name}-{run_id.hex[:12]}",
            agent=agent.name,
            workflow_type=agent.workflow_type,
            queue=agent.queue,
            title=_title(agent, input),
            input=input,
            started_by=by,
        )
        outbox.enqueue(
            MessageKind.START,
            namespace=run.namespace,
            workflow_id=run.workflow_id,
            body={
                "workflow_type": agent.workflow_type,
                "queue": agent.queue,
                "input": input,
                "title": run.title,
            },
            subject=run.id,
        )
        audit.record("run.started", "run", run.id, by=by, workspace_id=workspace.id, agent=agent.name)
        _changed(run)
    run.refresh_from_db()
    return run


def start_again(run: Run, *, by: Account) -> Run:
    """Start another workflow of the run's type on its queue, whoever defined it, with the very same input.

    The input goes over as Temporal keeps it, so that nothing is lost in it that JSON cannot say. Raises
    :class:`InvalidInput` where the run's beginning was never mirrored.
    """
    begun = HistoryChunk.objects.filter(run=run, first_event=1).exists()
    if not (begun and run.workflow_type and run.queue):
        raise InvalidInput([Fault("", "How this run began is not mirrored, so it cannot be done again.")])
    id = uuid.uuid4()
    with transaction.atomic():
        another = Run.objects.create(
            id=id,
            chain=id,
            workspace_id=run.workspace_id,
            namespace=run.namespace,
            workflow_id=f"{run.workflow_type}-{id.hex[:12]}",
            agent=run.agent,
            workflow_type=run.workflow_type,
            queue=run.queue,
            title=run.title,
            input=run.input,
            started_by=by,
        )
        outbox.enqueue(
            MessageKind.START,
            namespace=another.namespace,
            workflow_id=another.workflow_id,
            body={
                "workflow_type": run.workflow_type,
                "queue": run.queue,
                "input_of": str(run.id),
                "title": run.title,
            },
            subject=another.id,
        )
        audit.record(
            "run.started",
            "run",
            another.id,
            by=by,
            workspace_id=run.workspace_id,
            agent=run.agent,
            like=str(run.id),
        )
        _changed(another)
    another.refresh_from_db()
    return another


def signal_run(
    run: Run,
    name: str,
    *argument: Any,
    by: Account,
    request_id: uuid.UUID | None = None,
    follow: bool = False,
) -> None:
    """Queue a signal with one argument or none, under ``request_id`` where what it carries has an id of its own.

    ``follow``: also when the run has just continued as new and nobody has met its successor here yet; the courier
    finds it. Raises :class:`RunClosed`, and :class:`InvalidInput` for the signal that carries decisions: nobody sends one
    that was not made.
    """
    if name == DECISION_SIGNAL:
        raise InvalidInput(
            [Fault("/name", "Answers go to the question itself, so that they are recorded first.")]
        )
    body: dict[str, Any] = {"name": name}
    if argument:
        [body["input"]] = clean(argument)
    control(run, MessageKind.SIGNAL, body, by=by, request_id=request_id, follow=follow, signal=name)


def cancel_run(run: Run, *, by: Account) -> None:
    """Queue a request to cancel; asking again changes nothing. Raises :class:`RunClosed`."""
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).get(id=run.id)
        if run.cancel_requested_at is not None:
            return
        control(run, MessageKind.CANCEL, {"reason": f"canceled by {by.name}"}, by=by)
        Run.objects.filter(id=run.id).update(cancel_requested_at=Now())


def terminate_run(run: Run, reason: str, *, by: Account) -> None:
    """Queue a termination: the workflow gets no chance to clean up. Raises :class:`RunClosed`."""
    control(run, MessageKind.TERMINATE, {"reason": clean(reason)}, by=by, reason=clean(reason))


def control(
    run: Run,
    kind: MessageKind,
    body: dict[str, Any],
    *,
    by: Account,
    closed_too: bool = False,
    follow: bool = False,
    request_id: uuid.UUID | None = None,
    **details: Any,
) -> None:
    """Queue what Temporal shall do with the run, and audit it. Raises :class:`RunClosed`."""
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).get(id=run.id)
        if run.imported_at:
            raise RunGone("imported from a file, no server knows it")
        if run.gone_at:
            raise RunGone("Temporal does not hold it any more")
        goes_on = follow and run.status == RunStatus.CONTINUED_AS_NEW
        if not (run.is_open or goes_on or closed_too):
            raise RunClosed(run.get_status_display())
        request_id = outbox.enqueue(
            kind,
            namespace=run.namespace,
            workflow_id=run.workflow_id,
            run_id=run.run_id,
            body=body,
            subject=run.id,
            request_id=request_id,
        )
        audit.record(
            f"run.{kind}",
            "run",
            run.id,
            by=by,
            workspace_id=run.workspace_id,
            request=str(request_id),
            **details,
        )
        _changed(run)


def _changed(run: Run) -> None:
    changes.record(("run", run.id), ("runs", run.workspace_id), workspace_id=run.workspace_id)


def _check(input: Any, schema: dict[str, Any]) -> None:
    if faults := faults_of(input, schema):
        raise InvalidInput(faults)


def _title(agent: AgentType, input: Any) -> str:
    """The first line of the input that a person wrote, behind the agent's title."""
    texts = [value for value in input.values() if isinstance(value, str)] if isinstance(input, dict) else []
    first = next(iter(max(texts, key=len, default="").strip().splitlines()), "")
    return f"{agent.title}: {first}"[:300] if first else agent.title
