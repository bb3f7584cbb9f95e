"""Answering a question, and taking an answer back before it is sent."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from django.http import HttpResponse
from django.shortcuts import redirect

from reviews.escalations import actions
from reviews.escalations.faults import AlreadyDecided, Conflict, ProposalChanged
from reviews.escalations.models import Escalation, Verdict
from reviews.escalations.queries import decision_for, escalation_for
from reviews.pages import addresses
from reviews.pages.attempts import once
from reviews.pages.case import ACTING, Answer
from reviews.pages.edge import PageRequest, page
from reviews.pages.forms import SchemaForm
from reviews.pages.question import show
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.faults import Fault, InvalidInput
from reviews.workspaces.access import Right

UNCONFIRMED = "Tick the box: it says that you have checked what will be done."


@page("POST")
def decisions(request: PageRequest, question_id: uuid.UUID) -> HttpResponse:
    escalation = escalation_for(request.viewer, question_id, Right.ESCALATIONS_DECIDE)
    answer, response = _read(request, escalation)
    if answer.errors or (answer.form and not answer.form.is_readable):
        return show(request, escalation, answer, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        return redirect(once(request, lambda: _decide(request, escalation, answer, response)))
    except InvalidInput as error:
        _place(error.faults, answer)
        return show(request, escalation, answer, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    except (Conflict, IdempotencyKeyReused) as conflict:
        return _conflict(request, escalation, answer, conflict)


def _read(request: PageRequest, escalation: Escalation) -> tuple[Answer, dict[str, object] | None]:
    """What was typed, and the response that it makes."""
    data, schema = request.POST, escalation.question["form"]
    answer = Answer(data.get("verdict", ""), data.get("comment", ""), data.get("text", ""))
    response = None
    if answer.verdict == Verdict.EDIT and schema is not None:
        answer.form = SchemaForm.sent(schema, escalation.question["proposal"], data.dict())
        response = answer.form.value()
    elif answer.verdict == Verdict.RESPOND:
        response = {"text": answer.text.replace("\r\n", "\n")}
    if escalation.risk == "high" and answer.verdict in ACTING and data.get("confirmed") != "on":
        answer.errors["confirmed"] = UNCONFIRMED
    return answer, response


def _decide(
    request: PageRequest, escalation: Escalation, answer: Answer, response: dict[str, object] | None
) -> str:
    actions.decide(
        escalation,
        by=request.viewer.account,
        verdict=answer.verdict,
        digest=request.POST.get("digest", ""),
        response=response,
        comment=answer.comment.replace("\r\n", "\n"),
    )
    return addresses.of_escalation(escalation)


def _place(faults: list[Fault], answer: Answer) -> None:
    """Each fault at the control that it is about."""
    for fault in faults:
        match fault.pointer:
            case "/comment":
                answer.errors["comment"] = fault.message
            case "/response/text" if answer.form is None:
                answer.errors["text"] = fault.message
            case _ if answer.form is not None:
                answer.form.take([fault], prefix="/response")
            case _:
                answer.errors["verdict"] = fault.message


def _conflict(
    request: PageRequest, escalation: Escalation, answer: Answer, conflict: Conflict | IdempotencyKeyReused
) -> HttpResponse:
    """The question as it is now, with what happened on top and what was typed kept in sight."""
    now = escalation_for(request.viewer, escalation.id)
    if isinstance(conflict, IdempotencyKeyReused):
        kind = "decided" if now.decision else "again"
    elif isinstance(conflict, AlreadyDecided):
        kind = "decided"
    else:
        kind = "changed" if isinstance(conflict, ProposalChanged) else "closed"
    shown = {"conflict": kind, "sent": answer, "shown_digest": request.POST.get("digest", "")}
    return show(request, now, answer if now.is_pending else None, status=HTTPStatus.CONFLICT, **shown)


@page("POST")
def undoing(request: PageRequest, decision_id: uuid.UUID) -> HttpResponse:
    """Raises :class:`~reviews.escalations.faults.TooLate` when the signal is on its way."""
    decision = decision_for(request.viewer, decision_id, Right.ESCALATIONS_DECIDE)
    escalation = actions.undo(decision, by=request.viewer.account)
    return redirect(addresses.of_escalation(escalation))
