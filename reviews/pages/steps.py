"""The steps of a run in blocks: the first with the tab, the others when they are reached. One time axis for all."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.db.models import Max, Min, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reviews.insights.timeouts import timeouts_of
from reviews.pages.edge import PageRequest, page
from reviews.pages.numbers import number_in
from reviews.pages.waterfall import Waterfall, waterfall
from reviews.runs.models import Attempt, Run, Step, StepKind
from reviews.runs.queries import run_for

STEPS = 60


def tab(request: PageRequest, run: Run) -> dict[str, Any]:
    return _block(run, number_in(request.GET, "after") or 0)


@page("GET")
def steps(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """A block: to be appended, or (``again``) in the place of the same one, whose steps have moved on."""
    run = run_for(request.viewer, run_id)
    context = _block(run, number_in(request.GET, "after") or 0)
    again = request.GET.get("again", "")
    grew = again == "last" and context["is_full"]
    return render(request, "run/_step_block.html", {"again": bool(again), "grew": grew, **context})


def _block(run: Run, after: int) -> dict[str, Any]:
    steps = Step.objects.filter(run=run)
    # The axis is the run's, and not that of the steps on this page.
    reach = {"first": _of_all(steps, Min("scheduled_at")), "last": _of_all(steps, Max("closed_at"))}
    found = list(steps.filter(event_id__gt=after).annotate(**reach).order_by("event_id")[: STEPS + 1])
    shown = found[:STEPS]
    ends = {name: vars(found[0])[name] for name in reach} if found else {}
    picture = waterfall(run, shown, _attempts_of(run, shown), timezone.now(), **ends)
    _measure(run, picture)
    is_full = len(found) > STEPS
    return {
        "run": run,
        "after": after,
        "waterfall": picture,
        "is_full": is_full,
        "moves": run.is_live and (not is_full or any(not step.ended for step in shown)),
        "more_after": shown[-1].event_id if is_full else None,
    }


def _measure(run: Run, picture: Waterfall) -> None:
    """Put beside each activity how long its type takes, and the timeout that would do."""
    activities = [row for row in picture.rows if row.step.kind == StepKind.ACTIVITY]
    measured = timeouts_of(run.namespace, {row.step.name for row in activities})
    for row in activities:
        row.measured = measured.get(row.step.name)


def _of_all(steps: QuerySet[Step], aggregate: Combinable) -> Subquery:
    return Subquery(steps.order_by().values("run").annotate(found=aggregate).values("found"))


def _attempts_of(run: Run, steps: Sequence[Step]) -> Sequence[Attempt]:
    ids = [step.activity_id for step in steps if step.activity_id]
    return list(Attempt.objects.filter(run=run, activity_id__in=ids).order_by("number")) if ids else []
