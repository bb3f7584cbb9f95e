"""All runs, newest first, with filters that live in the address."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.http import HttpResponse
from django.shortcuts import redirect, render

from reviews.pages.attempts import new_attempt
from reviews.pages.bulk import AT_MOST
from reviews.pages.edge import PageRequest, page
from reviews.pages.run_filters import WITHIN, Filters
from reviews.pages.run_list import run_list
from reviews.runs.queries import mirror_troubles_for, names_in
from reviews.runs.views import views_of
from reviews.workspaces.access import Right

NAMES_LAST = 60
"""Seconds: a new agent's name may be missing from the suggestions so long."""


@page("GET")
def runs(request: PageRequest) -> HttpResponse:
    filters = Filters.of(request.GET)
    if "" in request.GET.values():
        return redirect(filters.here)  # a form sends its empty fields too
    viewer = request.viewer
    listed = run_list(viewer, filters)
    context = {
        "filters": filters,
        "list": listed,
        "rows": listed.rows,
        "may_start": viewer.may_anywhere(Right.RUNS_START),
        "may_control": viewer.may_anywhere(Right.RUNS_CONTROL),
        "attempt": new_attempt(),
        "at_most": AT_MOST,
    }
    if request.htmx:
        return render(request, "runs/_list.html", context)
    return render(request, "runs/page.html", context | _bar(request, filters))


def _bar(request: PageRequest, filters: Filters) -> dict[str, Any]:
    """What stands above the list: saved views, and what can be filtered by."""
    views = views_of(request.viewer.account)
    return {
        "views": views,
        "view": next((view for view in views if view.query == filters.query), None),
        "names": _names(request.viewer.workspaces(Right.RUNS_READ)),
        "spans": WITHIN,
        "troubles": mirror_troubles_for(request.viewer),
    }


def _names(workspaces: Sequence[uuid.UUID]) -> dict[str, list[str]]:
    key = "run-names-" + "-".join(sorted(id.hex for id in workspaces))[:200]
    names: dict[str, list[str]] | None = cache.get(key)
    if names is None:
        names = names_in(workspaces)
        cache.set(key, names, NAMES_LAST)
    return names
