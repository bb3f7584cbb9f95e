"""One question at its own address, the list beside it; and its claim."""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from reviews.escalations import actions
from reviews.escalations.faults import Conflict
from reviews.escalations.models import Escalation
from reviews.escalations.queries import escalation_for
from reviews.pages import addresses
from reviews.pages.case import Answer, case_of
from reviews.pages.desk import desk_of
from reviews.pages.edge import PageRequest, page
from reviews.workspaces.access import Right


@page("GET")
def question(request: PageRequest, question_id: uuid.UUID) -> HttpResponse:
    escalation = escalation_for(request.viewer, question_id)
    if request.htmx:
        return _part(request, escalation)
    return show(request, escalation, Answer(verdict=request.GET.get("verdict", "")))


def _part(request: PageRequest, escalation: Escalation) -> HttpResponse:
    """The list or the case alone, for a page that is open; ``beside`` when that page is the inbox."""
    desk = desk_of(request)
    beside = "beside" in request.GET
    query = f"{desk.query}{'&' if desk.query else '?'}beside=1" if beside else desk.query
    case = case_of(request.viewer, escalation, query=query)
    context = {
        "case": case,
        "desk": desk,
        "next": desk.after(escalation) if not beside else None,
        "beside": beside,
    }
    if request.htmx.target == "queue":
        return render(request, "inbox/_queue.html", context | {"current": escalation})
    return render(request, "question/_case.html", context)


def show(
    request: PageRequest,
    escalation: Escalation,
    answer: Answer | None = None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    **context: Any,
) -> HttpResponse:
    """The question's page, also as the answer to a decision that was not taken."""
    desk = desk_of(request)
    context |= {
        "case": case_of(
            request.viewer, escalation, answer, query=desk.query, is_an_answer=status != HTTPStatus.OK
        ),
        "desk": desk,
        "next": desk.after(escalation),
    }
    return render(request, "question/page.html", context, status=status)


@page("POST")
def claims(request: PageRequest, question_id: uuid.UUID) -> HttpResponse:
    """Say that you look at it: others are warned, nobody is stopped."""
    escalation = escalation_for(request.viewer, question_id, Right.ESCALATIONS_DECIDE)
    try:
        actions.claim(escalation, by=request.viewer.account)
    except Conflict as conflict:
        messages.warning(request, str(conflict))
    return redirect(addresses.of_escalation(escalation))


@page("POST")
def release(request: PageRequest, question_id: uuid.UUID) -> HttpResponse:
    escalation = escalation_for(request.viewer, question_id, Right.ESCALATIONS_DECIDE)
    actions.release(escalation, by=request.viewer.account)
    return redirect(addresses.of_escalation(escalation))
