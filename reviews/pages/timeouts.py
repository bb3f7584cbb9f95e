"""How long activities take, and the timeouts that would fit: each type with what is set and what would do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from reviews.insights.timeouts import DAYS, ENOUGH, Measured, TimeoutVerdict
from reviews.insights.timeouts import timeouts as timeouts_for
from reviews.pages.edge import PageRequest, page
from reviews.pages.histograms import histograms
from reviews.runs.text import clean
from reviews.workspaces.access import Right, workspace_for

MOST = 200
RANK = {verdict: rank for rank, verdict in enumerate(TimeoutVerdict)}
NEVER = timedelta(0)
ORDERS: dict[str, tuple[str, Callable[[Measured], Any]]] = {
    "": ("To look at first", lambda one: (RANK[one.verdict], -(one.p99 or NEVER))),
    "slowest": ("Slowest", lambda one: -(one.p99 or NEVER)),
    "most": ("Most completions", lambda one: -one.count),
    "name": ("Name", lambda one: one.activity_type.casefold()),
}


@dataclass(frozen=True)
class Filters:
    name: str
    sort: str
    workspace: str

    @classmethod
    def of(cls, request: PageRequest) -> Filters:
        said = {name: str(clean(request.GET.get(name, ""))).strip() for name in ("name", "sort", "workspace")}
        return cls(**said | {"sort": said["sort"] if said["sort"] in ORDERS else ""})

    def address(self, **changed: str) -> str:
        values = {"name": self.name, "sort": self.sort, "workspace": self.workspace, **changed}
        said = {name: value for name, value in values.items() if value}
        return reverse("timeouts") + (f"?{urlencode(said)}" if said else "")

    @property
    def by_order(self) -> list[tuple[str, str, bool]]:
        """Address, words, whether it is chosen."""
        return [(self.address(sort=sort), words, sort == self.sort) for sort, (words, _) in ORDERS.items()]

    def apply(self, found: list[Measured]) -> list[Measured]:
        wanted = self.name.casefold()
        named = [one for one in found if wanted in one.activity_type.casefold()]
        return sorted(named, key=ORDERS[self.sort][1])


@page("GET")
def timeouts(request: PageRequest) -> HttpResponse:
    filters = Filters.of(request)
    viewer = request.viewer
    workspace = workspace_for(viewer, filters.workspace, Right.RUNS_READ) if filters.workspace else None
    found = filters.apply(timeouts_for(viewer, workspace))
    context = {
        "filters": filters,
        "picture": histograms(found[:MOST]),
        "found": len(found),
        "most": MOST,
        "days": DAYS,
        "enough": ENOUGH,
        "several": len({one.namespace for one in found}) > 1,
    }
    return render(request, "timeouts/page.html", context)
