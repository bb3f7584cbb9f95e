"""Questions: reading them, and asking one without the ``ask`` activity."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import BaseModel, Field

from reviews.api.access import viewer_of
from reviews.api.asking import AskIn
from reviews.api.bodies import read
from reviews.api.decisions import DecisionOut, decision_out, messages_of
from reviews.api.openapi import takes
from reviews.api.paging import PageQuery, newest
from reviews.api.problems import documented
from reviews.api.shapes import Json, PersonOut, Time, page_url, person_out
from reviews.escalations import actions
from reviews.escalations.models import Claim, Decision, DeliveryState, Escalation, EscalationState
from reviews.escalations.queries import escalation_for, escalations_for
from reviews.outbox.models import Message
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import NotFound, Right, Viewer, workspace_for

router = Router(tags=["escalations"])


class EscalationQuery(PageQuery):
    state: EscalationState | None = None
    run: uuid.UUID | None = Field(default=None, description="Id of any run of the chain that asked.")
    workspace: str | None = Field(default=None, description="Slug.")


class ClaimOut(BaseModel):
    by: PersonOut
    at: Time


class EscalationOut(BaseModel):
    """A question that a workflow asks people. The messages' meanings are in docs/contract/."""

    id: uuid.UUID
    run: uuid.UUID = Field(description="The run that asked.")
    workspace: str
    workspace_id: uuid.UUID = Field(description="As `docs/live.md` takes it.")
    request_id: str
    title: str
    description: str
    proposal: dict[str, Any] = Field(description="What would be done.")
    before: dict[str, Any] | None = Field(description="The same fields as they are now.")
    digest: str = Field(
        description="Comes back with the decision, so that what takes effect is what was shown."
    )
    form: Json = Field(description="JSON Schema of `proposal`, or null.")
    options: list[dict[str, Any]]
    evidence: list[dict[str, Any]]
    policy: dict[str, Any]
    state: EscalationState
    outcome: dict[str, Any] | None = Field(description="How it ended without a decision: `{reason, answer}`.")
    claim: ClaimOut | None
    decision: DecisionOut | None = Field(description="The decision that stands.")
    opened_at: Time
    closed_at: Time | None
    url: str


class EscalationList(BaseModel):
    items: list[EscalationOut]
    next: str | None


@router.get(
    "/escalations",
    response=EscalationList,
    operation_id="list_escalations",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_escalations(request: HttpRequest, query: Query[EscalationQuery]) -> EscalationList:
    """Questions, newest first."""
    viewer = viewer_of(request)
    questions = escalations_for(viewer).select_related("workspace", "claim__account")
    if query.state is not None:
        questions = questions.filter(state=query.state)
    if query.run is not None:
        questions = questions.of_chain(run_for(viewer, query.run, Right.ESCALATIONS_READ).chain)
    if query.workspace is not None:
        questions = questions.filter(workspace=workspace_for(viewer, query.workspace, Right.ESCALATIONS_READ))
    page, following = newest(questions, "opened_at", query)
    return EscalationList(items=_escalations_out(page), next=following)


@router.post(
    "/escalations",
    response={201: EscalationOut},
    operation_id="ask",
    openapi_extra={
        "requestBody": takes(AskIn),
        "responses": documented(
            "unauthorized", "forbidden", "not-found", "proposal-differs", "run-closed",
            "too-large", "validation", "invalid-proposal",
        ),
    },
)  # fmt: skip
def ask(request: HttpRequest) -> Status[EscalationOut]:
    """Ask people, from a workflow that cannot call the activity `ask`. The same `request_id` asks once."""
    viewer = viewer_of(request)
    viewer.require_anywhere(Right.ESCALATIONS_OPEN)
    question = read(request, AskIn)
    run = _asking_run(viewer, question)
    escalation = actions.open_escalation(run, question.message(), by=viewer.account)
    return Status(201, _escalations_out([escalation_for(viewer, escalation.id, Right.ESCALATIONS_OPEN)])[0])


@router.get(
    "/escalations/{escalation_id}",
    response=EscalationOut,
    operation_id="get_escalation",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found")},
)
def get_escalation(request: HttpRequest, escalation_id: uuid.UUID) -> EscalationOut:
    """One question."""
    return _escalations_out([escalation_for(viewer_of(request), escalation_id)])[0]


def _asking_run(viewer: Viewer, question: AskIn) -> Run:
    """By our id, else the newest execution of the workflow id that the viewer may know of."""
    run = run_for(viewer, _id_of_run(viewer, question.run), Right.ESCALATIONS_OPEN)
    if question.workspace not in (None, run.workspace.slug):
        raise NotFound
    return run


def _id_of_run(viewer: Viewer, name: str) -> uuid.UUID:
    known = Run.objects.filter(workspace_id__in=viewer.rights)
    by_workflow = (
        known.filter(workflow_id=name).order_by("-created_at", "-id").values_list("id", flat=True).first()
    )
    if by_workflow is not None:
        return by_workflow
    try:
        return uuid.UUID(name)
    except ValueError:
        raise NotFound from None


def _escalations_out(escalations: list[Escalation]) -> list[EscalationOut]:
    standing = Decision.objects.filter(escalation__in=escalations).exclude(
        delivery__state=DeliveryState.UNDONE
    )
    decisions = {decision.escalation_id: decision for decision in standing.select_related("by", "delivery")}
    messages = messages_of(decisions.values())
    return [_escalation_out(escalation, decisions.get(escalation.id), messages) for escalation in escalations]


def _escalation_out(
    escalation: Escalation, decision: Decision | None, messages: dict[uuid.UUID, Message]
) -> EscalationOut:
    claim: Claim | None = getattr(escalation, "claim", None)
    return EscalationOut(
        id=escalation.id,
        run=escalation.run_id,
        workspace=escalation.workspace.slug,
        workspace_id=escalation.workspace_id,
        request_id=escalation.request_id,
        digest=escalation.digest,
        state=EscalationState(escalation.state),
        outcome=escalation.outcome,
        claim=ClaimOut(by=person_out(claim.account), at=claim.at) if claim else None,
        decision=decision_out(decision, messages.get(decision.id)) if decision else None,
        opened_at=escalation.opened_at,
        closed_at=escalation.closed_at,
        url=page_url("question", escalation.id),
        **escalation.question,
    )
