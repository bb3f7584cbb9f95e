"""Deciding, following a decision to the workflow, and taking it back while it has not been sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from reviews.api.access import viewer_of
from reviews.api.bodies import checked, read_object
from reviews.api.idempotency import PARAMETER, key_of, once
from reviews.api.openapi import takes
from reviews.api.problems import Problem, documented
from reviews.api.shapes import PersonOut, Time, page_url, person_out
from reviews.escalations import actions
from reviews.escalations.faults import AlreadyDecided
from reviews.escalations.models import Decision, Delivery, DeliveryState, Escalation, Verdict
from reviews.escalations.queries import decision_for, escalation_for
from reviews.outbox.models import Message, MessageState
from reviews.people.models import Account
from reviews.workspaces.access import Right

router = Router(tags=["escalations"])


class DecisionIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "verdict": "edit",
                    "response": {
                        "customer": "Ada Lovelace",
                        "amount": 100,
                        "reason": "The parcel never came.",
                    },
                    "comment": "The shipping is not refunded.",
                    "digest": "9b74c9897bac770ffc029102a200c5de0b8a6b5c6d8d9f3a2f2a4b1a4d1b3c55",
                }
            ]
        },
    )

    verdict: str = Field(description=f"One of the question's options: {', '.join(Verdict.values)}.")
    response: dict[str, Any] | None = Field(
        None, description='`edit`: the whole edited values; `respond`: `{"text": …}`; else null or absent.'
    )
    comment: str | None = Field(default=None, description="Needed with `changes`.")
    digest: str = Field(description="Of the question as it was shown.")


class DeliveryOut(BaseModel):
    """A decision's journey to the workflow; `reason` says why it ended badly."""

    state: DeliveryState
    recorded_at: Time
    delivered_at: Time | None
    acted_on_at: Time | None
    ended_at: Time | None = Field(description="When it was undone, refused, unread or undeliverable.")
    reason: str
    waiting_for: Literal["temporal"] | None = Field(description="Who has to take it before it is delivered.")
    last_error: str | None = Field(description="Why Temporal has not taken it yet.")


class DecisionOut(BaseModel):
    id: uuid.UUID
    escalation: uuid.UUID
    verdict: Verdict
    response: dict[str, Any] | None
    comment: str
    by: PersonOut
    decided_at: Time
    digest: str
    after_deadline: bool
    delivery: DeliveryOut
    url: str


@router.post(
    "/escalations/{escalation_id}/decisions",
    response={201: DecisionOut},
    operation_id="decide",
    openapi_extra={
        "parameters": [PARAMETER | {"required": True}],
        "requestBody": takes(DecisionIn),
        "responses": documented(
            "unauthorized", "forbidden", "not-yours", "not-found", "already-decided", "proposal-changed",
            "withdrawn", "too-large", "validation", "idempotency-key-missing", "idempotency-key-invalid",
            "idempotency-key-reused",
        ),
    },
)  # fmt: skip
def decide(request: HttpRequest, escalation_id: uuid.UUID) -> Status[dict[str, Any]]:
    """Answer a question as a person. Follow `delivery` by `GET /decisions/{id}`."""
    viewer = viewer_of(request)
    escalation = escalation_for(viewer, escalation_id, Right.ESCALATIONS_DECIDE)
    key = key_of(request, required=True)
    body = read_object(request)
    answer = checked(body, DecisionIn)
    return Status(
        201, once(request, viewer.account, key, body, partial(_decide, escalation, answer, viewer.account))
    )


def _decide(escalation: Escalation, answer: DecisionIn, by: Account) -> DecisionOut:
    decision = actions.decide(
        escalation,
        by=by,
        verdict=answer.verdict,
        digest=answer.digest,
        response=answer.response,
        comment=answer.comment or "",
    )
    return decision_out(decision)


@router.get(
    "/decisions/{decision_id}",
    response=DecisionOut,
    operation_id="get_decision",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found")},
)
def get_decision(request: HttpRequest, decision_id: uuid.UUID) -> DecisionOut:
    """One decision, and how far it has come."""
    return decision_out(decision_for(viewer_of(request), decision_id))


@router.delete(
    "/decisions/{decision_id}",
    response={204: None},
    operation_id="undo_decision",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "too-late")},
)
def undo_decision(request: HttpRequest, decision_id: uuid.UUID) -> Status[None]:
    """Take a decision back before it is sent: the question waits again. Repeating it changes nothing."""
    viewer = viewer_of(request)
    actions.undo(decision_for(viewer, decision_id, Right.ESCALATIONS_DECIDE), by=viewer.account)
    return Status(204, None)


def already_decided(request: HttpRequest, error: AlreadyDecided) -> HttpResponse:
    """The refusal carries the decision that counts."""
    decision = decision_out(error.decision).model_dump(mode="json")
    return Problem("already-decided", str(error)).response({"decision": decision})


def messages_of(decisions: Iterable[Decision]) -> dict[uuid.UUID, Message]:
    """Decision id → the last message that carries it, in one query."""
    messages = Message.objects.filter(subject__in=[decision.id for decision in decisions]).order_by("id")
    return {message.subject: message for message in messages if message.subject is not None}


def decision_out(decision: Decision, message: Message | None = None) -> DecisionOut:
    """``message``, its newest, is fetched when it is not given."""
    message = message or messages_of([decision]).get(decision.id)
    return DecisionOut(
        id=decision.id,
        escalation=decision.escalation_id,
        verdict=Verdict(decision.verdict),
        response=decision.response,
        comment=decision.comment,
        by=person_out(decision.by),
        decided_at=decision.decided_at,
        digest=decision.digest,
        after_deadline=decision.after_deadline,
        delivery=_delivery_out(decision.delivery, message),
        url=page_url("question", decision.escalation_id),
    )


def _delivery_out(delivery: Delivery, message: Message | None) -> DeliveryOut:
    waits = message is not None and message.state == MessageState.PENDING
    due = message is not None and (message.tried_at is not None or message.not_before <= timezone.now())
    return DeliveryOut(
        state=DeliveryState(delivery.state),
        recorded_at=delivery.recorded_at,
        delivered_at=delivery.delivered_at,
        acted_on_at=delivery.acted_on_at,
        ended_at=delivery.ended_at,
        reason=delivery.reason,
        waiting_for="temporal" if waits and due else None,
        last_error=(message.last_error or None) if waits and message else None,
    )
