"""All runs, newest first, with filters that live in the address."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from reviews.pages.edge import PageRequest, page
from reviews.pages.lists import KeysetPage, keyset_page
from reviews.runs.models import Run, RunQuerySet, RunStatus
from reviews.runs.queries import agent_types_for, runs_for
from reviews.runs.text import clean
from reviews.workspaces.access import Right

SIZE = 50
OPEN = "open"
STATUSES = [("", "All"), (OPEN, "Open"), *((status.value, status.label.capitalize()) for status in RunStatus)]
SHOWN_FIRST = ("", OPEN, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED)


@dataclass(frozen=True)
class Filters:
    status: str
    agent: str
    waiting: bool
    id: str
    before: str

    @classmethod
    def of(cls, request: PageRequest) -> Filters:
        said = {
            name: str(clean(request.GET.get(name, ""))).strip()
            for name in ("status", "agent", "id", "before")
        }
        return cls(waiting=request.GET.get("waiting") == "1", **said)

    @property
    def any(self) -> bool:
        return bool(self.status or self.agent or self.waiting or self.id)

    def address(self, **changed: Any) -> str:
        """The list with these filters; a change of filter starts from the newest."""
        values = {
            "status": self.status,
            "agent": self.agent,
            "waiting": self.waiting,
            "id": self.id,
            **changed,
        }
        said = {name: "1" if value is True else value for name, value in values.items() if value}
        return reverse("runs") + (f"?{urlencode(said)}" if said else "")

    @property
    def here(self) -> str:
        return self.address(before=self.before)

    @property
    def by_status(self) -> list[tuple[str, str, bool, bool]]:
        """Address, words, whether it is chosen, whether it stands in the first row."""
        return [
            (self.address(status=status, waiting=False), words, self.status == status and not self.waiting,
             status in SHOWN_FIRST)
            for status, words in STATUSES
        ]  # fmt: skip

    @property
    def for_waiting(self) -> str:
        return self.address(waiting=True, status="")

    def apply(self, runs: RunQuerySet) -> RunQuerySet:
        if self.status == OPEN:
            runs = runs.open()
        elif self.status in RunStatus.values:
            runs = runs.filter(status=self.status)
        if self.agent:
            runs = runs.filter(agent=self.agent)
        if self.waiting:
            runs = runs.filter(waiting_for_human=True)
        return runs.filter(_named(self.id)) if self.id else runs


def _named(id: str) -> Q:
    """A run by its own id, or by either of Temporal's names for it."""
    try:
        return Q(id=uuid.UUID(id)) | Q(run_id=str(uuid.UUID(id)))
    except ValueError:
        return Q(workflow_id=id)


@page("GET")
def runs(request: PageRequest) -> HttpResponse:
    filters = Filters.of(request)
    found = (
        filters.apply(runs_for(request.viewer))
        .select_related("started_by")
        .defer("input", "result", "failure")
    )
    listed: KeysetPage[Run] = keyset_page(found, filters.before, by="created_at", size=SIZE)
    context = {
        "filters": filters,
        "runs": listed.items,
        "older": filters.address(before=listed.next) if listed.next else None,
        "moving": any(run.is_open for run in listed.items),
        "may_start": request.viewer.may_anywhere(Right.RUNS_START),
    }
    if request.htmx:
        return render(request, "runs/_list.html", context)
    context["agents"] = sorted(
        {agent.name for agent in agent_types_for(request.viewer)} | {filters.agent} - {""}
    )
    return render(request, "runs/page.html", context)
