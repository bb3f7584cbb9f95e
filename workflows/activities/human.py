"""``ask``, ``settle`` and ``acknowledge``: how any workflow of a namespace, in any language, reaches people.

Namespace, workflow id and run id come from Temporal, never from the input.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.urls import reverse
from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.escalations import actions as escalations
from reviews.escalations.faults import ProposalDiffers
from reviews.escalations.models import Escalation, Verdict
from reviews.escalations.proposal import InvalidProposal
from reviews.runs import mirroring
from reviews.runs.actions import RunClosed
from reviews.runs.discovering import may_say_waiting
from reviews.runs.models import Run
from reviews.runs.text import clean
from workflows.activities.database import with_database
from workflows.contracts import (
    INVALID_PROPOSAL,
    PROPOSAL_CHANGED,
    UNKNOWN_ESCALATION,
    UNKNOWN_WORKSPACE,
    Acknowledged,
    Asked,
)

RUN_CLOSED = "RunClosed"


@activity.defn
@with_database
def ask(request: Any) -> Asked:
    """Open the question of an ``AskRequest`` once. Faults in it are final: asking again would not mend them."""
    request = _object(request)
    if not request.get("request_id"):
        raise _final("An ask needs a request_id.", INVALID_PROPOSAL)
    try:
        run = _this_run(request.get("workspace"))
        escalation = escalations.open_escalation(run, request, activity_id=activity.info().activity_id)
    except InvalidProposal as error:
        raise _final(str(error), INVALID_PROPOSAL) from error
    except ProposalDiffers as error:
        raise _final(str(error), PROPOSAL_CHANGED) from error
    except RunClosed as error:
        raise _final(f"The run is closed: {error}", RUN_CLOSED) from error
    url = settings.AGENTSITE_URL.rstrip("/") + reverse("question", args=[escalation.id])
    return Asked(
        str(escalation.id),
        escalation.digest,
        escalation.question["proposal"],
        url,
        waiting_attribute=may_say_waiting(run.namespace),
    )


@activity.defn
@with_database
def settle(request: Any) -> dict[str, Any]:
    """Close the question of a ``SettleRequest``, or answer with what was recorded first (``Settled``)."""
    request = _object(request)
    escalation = _own_escalation(request.get("escalation_id"))
    reason = request.get("reason")
    if reason not in ("expired", "withdrawn", "answered_outside"):
        raise _final(f"{reason!r} is no reason to settle.", INVALID_PROPOSAL)
    run_id = activity.info().workflow_run_id or ""
    answer = _outside_answer(request.get("answer"))
    escalation = escalations.settle(escalation.id, reason, answer, run_id=run_id)
    decision = escalation.decision
    return {
        "state": escalation.state,
        "decision": escalations.human_input(decision) if decision else None,
        "answer": (escalation.outcome or {}).get("answer"),
    }


@activity.defn
@with_database
def acknowledge(request: Any) -> Acknowledged:
    """Note what the workflow did with a decision (``AcknowledgeRequest``)."""
    request = _object(request)
    outcome = request.get("outcome")
    if outcome not in ("acted_on", "refused"):
        raise _final(f"{outcome!r} is no outcome.", INVALID_PROPOSAL)
    escalation = _own_escalation(request.get("escalation_id"))
    run_id = activity.info().workflow_run_id or ""
    decision = escalation.decisions.filter(id=_uuid(request.get("decision_id"))).first()
    if decision is None:
        # Somebody signaled a decision that nobody made here; the page must not wait for another one.
        if outcome == "acted_on":
            words = f"the run acted on a decision that nobody made here: {request.get('decision_id')}"
            escalation = escalations.answered_elsewhere(escalation.id, words)
        return Acknowledged(escalation.state)
    delivery = escalations.acknowledge(decision.id, outcome, str(request.get("reason") or ""), run_id=run_id)
    return Acknowledged(delivery.state)


def _object(request: Any) -> dict[str, Any]:
    """Typed arguments would fail to decode and be tried for ever; so anything is taken, and looked at here."""
    if not isinstance(request, dict):
        raise _final("The argument is one JSON object (docs/contract).", INVALID_PROPOSAL)
    return request


def _outside_answer(answer: Any) -> dict[str, str] | None:
    match answer:
        case None:
            return None
        case {"text": str(text)} if answer.get("verdict", "respond") in Verdict.values:
            return {"text": text, "verdict": str(answer.get("verdict", "respond"))}
        case _:
            raise _final("answer is an object with text and a verdict.", INVALID_PROPOSAL)


def _this_run(workspace: Any) -> Run:
    info = activity.info()
    if not info.in_workflow:
        raise _final("Only a workflow can ask: nobody else hears the answer.", INVALID_PROPOSAL)
    try:
        return mirroring.adopt(
            info.namespace,
            info.workflow_id or "",
            info.workflow_run_id or "",
            workflow_type=info.workflow_type or "",
            workspace_slug=clean(str(workspace)) if workspace else None,
        )
    except mirroring.UnknownWorkspace as error:
        raise _final(str(error), UNKNOWN_WORKSPACE) from error


def _own_escalation(escalation_id: Any) -> Escalation:
    """A workflow settles and acknowledges its own questions only."""
    info = activity.info()
    own = Escalation.objects.filter(namespace=info.namespace, workflow_id=info.workflow_id)
    escalation = own.filter(id=_uuid(escalation_id)).first()
    if escalation is None:
        raise _final(f"This workflow has no question {escalation_id!r}.", UNKNOWN_ESCALATION)
    return escalation


def _uuid(value: Any) -> uuid.UUID:
    """Of no object where the text is no UUID."""
    try:
        return uuid.UUID(str(value))
    except ValueError:
        return uuid.UUID(int=0)


def _final(message: str, type: str) -> ApplicationError:
    return ApplicationError(message, type=type, non_retryable=True)
