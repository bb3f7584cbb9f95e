"""What a run belongs to: the executions of its chain, the run that started it, and those that it started."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from django.db.models import Exists, OuterRef
from django.http import HttpResponse
from django.shortcuts import render

from reviews.pages.edge import PageRequest, page
from reviews.pages.numbers import number_in
from reviews.runs.histories import event_in_full
from reviews.runs.models import Run, RunQuerySet, RunStatus
from reviews.runs.queries import ancestors, run_for, runs_for
from reviews.workspaces.access import NotFound, Viewer

CHILDREN = CHAIN = 50
LOOKED_INTO = 10
"""Executions whose history is asked how they came about, where their neighbours do not say."""
INITIATORS = {
    "CONTINUE_AS_NEW_INITIATOR_WORKFLOW": "continued as new",
    "CONTINUE_AS_NEW_INITIATOR_RETRY": "retried after the failure",
    "CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE": "due by its cron schedule",
}


@dataclass(frozen=True)
class Link:
    """One execution of the chain, and ``how`` it came about."""

    run: Run
    how: str


def tab(request: PageRequest, run: Run) -> dict[str, Any]:
    chain = list(_readable(request.viewer).filter(chain=run.chain).order_by("created_at", "id")[: CHAIN + 1])
    return {
        "chain": _links(chain[:CHAIN]),
        "chain_goes_on": len(chain) > CHAIN,
        "ancestors": _ancestors(request.viewer, run),
        **_children(request.viewer, run, number_in(request.GET, "after") or 0),
    }


@page("GET")
def children(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """The next level of the tree, or the rest of one."""
    run = run_for(request.viewer, run_id)
    context = _children(request.viewer, run, number_in(request.GET, "after") or 0)
    return render(request, "run/_children.html", {"run": run, **context})


def _readable(viewer: Viewer) -> RunQuerySet:
    """A relative may live in another workspace: it is named only to those who may read it there."""
    return runs_for(viewer).defer("input", "result", "failure", "history_token")


def _children(viewer: Viewer, run: Run, after: int) -> dict[str, Any]:
    grandchildren = Exists(Run.objects.filter(parent=OuterRef("id")))
    found = _readable(viewer).filter(parent=run).annotate(has_children=grandchildren)
    rows = list(found.order_by("created_at", "id")[after : after + CHILDREN + 1])
    more = after + CHILDREN if len(rows) > CHILDREN else None
    return {"children": rows[:CHILDREN], "more_children": more}


def _ancestors(viewer: Viewer, run: Run) -> list[Run]:
    """The root first; those above one that may not be read are not named."""
    above = ancestors(run)
    readable = _readable(viewer).in_bulk(above)
    return [readable[id] for id in takewhile(readable.__contains__, above)][::-1]


def _links(chain: list[Run]) -> list[Link]:
    by_id = {run.id: run for run in chain}
    asked = 0
    links = []
    for run in chain:
        previous = by_id.get(run.previous_id) if run.previous_id else None
        how = _how(run, previous)
        if not how and previous is not None and asked < LOOKED_INTO:
            asked += 1
            how = _initiator(run)
        links.append(Link(run, how or ("follows on the one before" if previous else "the first")))
    return links


def _how(run: Run, previous: Run | None) -> str:
    if run.reset_event_id is not None:
        return f"reset to event {run.reset_event_id}"
    if previous is not None and previous.status == RunStatus.CONTINUED_AS_NEW:
        return INITIATORS["CONTINUE_AS_NEW_INITIATOR_WORKFLOW"]
    return ""


def _initiator(run: Run) -> str:
    try:
        started = event_in_full(run, 1).attributes
    except NotFound:
        return ""
    return INITIATORS.get(str(started.get("initiator")), "")
