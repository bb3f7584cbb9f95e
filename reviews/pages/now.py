"""What Temporal says of a run now: a fragment of its own, so that a slow or absent Temporal delays no page."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reviews.pages.attempts import new_attempt
from reviews.pages.edge import PageRequest, page
from reviews.runs import present
from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.models import Run
from reviews.runs.now import ActivityNow, ChildNow, Interface, RunNow
from reviews.runs.queries import run_for, task_failure
from reviews.workspaces.access import Right

MOST = 50
"""Pending activities and children that are shown; more are counted."""


@page("GET")
def now(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id)
    context = {
        "run": run,
        "may_control": run.is_open and request.viewer.may(Right.RUNS_CONTROL, run.workspace_id),
        "attempt": new_attempt(),
        "asked_at": timezone.now(),
        **_said(run),
    }
    return render(request, "run/_now.html" if request.htmx else "run/now_page.html", context)


def _said(run: Run) -> dict[str, Any]:
    try:
        said = present.now(run)
    except EngineUnavailable as error:
        return {"now_error": str(error)}
    return {
        "now": said,
        "interface": _interface(run, said),
        "task_failure": task_failure(run) if said.task and said.task.is_failing else None,
        "activities": sorted(said.activities, key=_trouble_first)[:MOST],
        "children": _with_rows(run, said.children[:MOST]),
        "most": MOST,
    }


def _interface(run: Run, said: RunNow) -> Interface | None:
    """None where asking would only wait for nobody; what goes wrong there is the ask page's to say."""
    if not run.is_open or said.pause or not said.may_answer:
        return None
    try:
        return present.interface(run)
    except (EngineUnavailable, QueryFailed):
        return None


def _trouble_first(activity: ActivityNow) -> tuple[bool, bool, int]:
    return not activity.is_retrying, not activity.is_paused, -activity.attempt


def _with_rows(run: Run, children: Any) -> list[tuple[ChildNow, Run | None]]:
    """Each child with its own row, where the mirror has met it."""
    met = Run.objects.filter(namespace=run.namespace, run_id__in=[child.run_id for child in children])
    rows = {row.run_id: row for row in met} if children else {}
    return [(child, rows.get(child.run_id)) for child in children]
