"""Resetting a run: choose a point of its history, say why."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from django.http import HttpResponse
from django.shortcuts import render

from reviews.pages.attempts import new_attempt
from reviews.pages.controls import done
from reviews.pages.edge import PageRequest, page
from reviews.runs import controlling
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run
from reviews.runs.queries import reset_points, run_for
from reviews.workspaces.access import Right

POINTS = 100


@page("GET", "POST")
def resets(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """POST: ``event_id`` is the end of a workflow task, ``reason`` is needed."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    if request.method != "POST":
        return _page(request, run, chosen=_number(request.GET.get("event_id", "")))
    event_id, reason = _number(request.POST.get("event_id", "")), request.POST.get("reason", "").strip()
    if not reason:
        error = "Say why: it stands in the run's history."
        return _page(request, run, HTTPStatus.UNPROCESSABLE_ENTITY, chosen=event_id, reason_error=error)
    try:
        return done(
            request,
            run,
            lambda: controlling.reset_run(run, event_id, reason, by=request.viewer.account),
            f"The run is being reset to event {event_id}. The new execution appears in a moment.",
        )
    except InvalidInput as error:
        said = error.faults[0].message
        return _page(request, run, HTTPStatus.UNPROCESSABLE_ENTITY, chosen=0, reason=reason, point_error=said)


def _page(
    request: PageRequest, run: Run, status: HTTPStatus = HTTPStatus.OK, *, chosen: int, **context: str
) -> HttpResponse:
    points = reset_points(run, limit=POINTS)
    known = {point.event_id for point in points}
    shown = {
        "run": run,
        "points": points,
        "chosen": chosen if chosen in known else points[0].event_id if points else 0,
        "attempt": new_attempt(),
        **context,
    }
    return render(request, "run/reset_page.html", shown, status=status)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
