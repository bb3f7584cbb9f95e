"""The events of a run: the tab, the rows that follow, and the page of each event."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from reviews.pages.edge import PageRequest, page
from reviews.pages.numbers import number_in
from reviews.runs.engine import Category, EventFilter, engine
from reviews.runs.histories import event_in_full, event_lines, group_of
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.runs.text import clean

ROWS = 100
NEWEST = "newest"
LONGEST_TEXT = 200


@dataclass(frozen=True)
class View:
    """Which events are shown, from where, in which order: what the address says."""

    run: Run
    newest_first: bool
    kinds: tuple[str, ...]
    """Categories and types."""
    text: str
    at: int | None
    """The event to begin with."""
    beyond: int | None
    """The last one that was seen."""

    @classmethod
    def of(cls, request: PageRequest, run: Run) -> View:
        newest_first = request.GET.get("order") == NEWEST
        return cls(
            run=run,
            newest_first=newest_first,
            kinds=tuple(dict.fromkeys(str(clean(kind)) for kind in request.GET.getlist("kind") if kind)),
            text=str(clean(request.GET.get("text", "")))[:LONGEST_TEXT].strip(),
            at=number_in(request.GET, "at"),
            beyond=number_in(request.GET, "before" if newest_first else "after"),
        )

    @property
    def filter(self) -> EventFilter:
        categories = {kind for kind in self.kinds if kind in list(Category)}
        return EventFilter(frozenset(categories), frozenset(self.kinds) - categories, self.text)

    @property
    def begins_beyond(self) -> int | None:
        if self.at is None or self.beyond is not None:
            return self.beyond
        return self.at + 1 if self.newest_first else self.at - 1

    @property
    def said(self) -> list[tuple[str, str]]:
        """The parts of the address that stay while one reads on."""
        parts = [("order", NEWEST)] if self.newest_first else []
        parts += [("kind", kind) for kind in self.kinds]
        return parts + ([("text", self.text)] if self.text else [])

    def address(self, *more: tuple[str, Any]) -> str:
        """Of the tab."""
        return f"{reverse('run', args=[self.run.id])}?{urlencode([('tab', 'events'), *self.said, *more])}"

    def rows(self, *more: tuple[str, Any]) -> str:
        """Of the rows alone."""
        return f"{reverse('run_events', args=[self.run.id])}?{urlencode([*self.said, *more])}"

    # What the page links to

    @property
    def other_order(self) -> str:
        return replace(self, newest_first=not self.newest_first).address()

    @property
    def without_filter(self) -> str:
        return replace(self, kinds=(), text="").address()

    @property
    def by_category(self) -> list[tuple[str, str, bool]]:
        """Address with the category put in or taken out, its name, whether it is in."""
        return [
            (
                replace(self, kinds=_toggled(self.kinds, category)).address(),
                str(category),
                category in self.kinds,
            )
            for category in Category
        ]

    @property
    def types(self) -> list[str]:
        return sorted(self.filter.types)


def _toggled(kinds: Iterable[str], kind: str) -> tuple[str, ...]:
    kinds = list(kinds)
    return tuple(one for one in kinds if one != kind) if kind in kinds else (*kinds, str(kind))


@dataclass(frozen=True)
class Tail:
    """What stands behind the rows: how to go on in this direction, or the wait for what comes."""

    rows: str
    address: str
    waits: bool = False
    searched_to: int | None = None


def tab(request: PageRequest, run: Run) -> dict[str, Any]:
    view = View.of(request, run)
    found = _found(view)
    newer = None
    if run.is_live and view.newest_first and view.begins_beyond is None:
        newer = _newer(view, max([run.last_event_id, *(line.id for line in found["lines"])]))
    return {"view": view, "event_types": _types_by_category(), "newer": newer, **found}


@page("GET")
def events(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Rows to be appended, or put on top with ``newer``; nothing (204) while there are none."""
    view = View.of(request, run_for(request.viewer, run_id))
    newer = number_in(request.GET, "newer")
    context = _found(view) if newer is None else _found_newer(view, newer)
    tail = context.get("newer") or context["tail"]
    if not context["lines"] and tail is not None and tail.rows == request.get_full_path():
        return HttpResponse(status=204)
    return render(request, "run/_event_rows.html", {"view": view, **context})


@page("GET")
def event(request: PageRequest, run_id: uuid.UUID, event_id: int) -> HttpResponse:
    """An event with all that it carries: a page of its own, or what unfolds in the list."""
    run = run_for(request.viewer, run_id)
    found = event_in_full(run, event_id)
    context = {
        "run": run,
        "event": found,
        "group": group_of(run, found),
        "before": event_id - 1 if event_id > 1 else None,
        "after": event_id + 1 if event_id < run.last_event_id else None,
    }
    return render(request, "run/_event.html" if request.htmx else "event/page.html", context)


def _found(view: View) -> dict[str, Any]:
    beyond = view.begins_beyond
    found = event_lines(view.run, view.filter, newest_first=view.newest_first, beyond=beyond, limit=ROWS)
    side = "before" if view.newest_first else "after"
    tail = None
    if found.next is not None:
        place = (side, found.next)
        tail = Tail(
            view.rows(place), view.address(place), searched_to=found.next if found.cut_short else None
        )
    elif view.run.is_live and not view.newest_first:
        last = max([view.run.last_event_id, beyond or 0, *(line.id for line in found.lines)])
        tail = Tail(view.rows((side, last)), view.address((side, last)), waits=True)
    return {"lines": found.lines, "tail": tail}


def _found_newer(view: View, than: int) -> dict[str, Any]:
    """What came since, the newest first; all of it was looked at, or as much as fits."""
    found = event_lines(view.run, view.filter, beyond=than, limit=ROWS)
    seen = found.next or max([view.run.last_event_id, than, *(line.id for line in found.lines)])
    newer = _newer(view, seen) if view.run.is_live or found.next else None
    return {"lines": found.lines[::-1], "newer": newer, "tail": None}


def _newer(view: View, than: int) -> Tail:
    return Tail(view.rows(("newer", than)), view.address(), waits=True)


def _types_by_category() -> list[tuple[str, list[str]]]:
    grouped: dict[str, list[str]] = {}
    for category, type in engine().event_types():
        grouped.setdefault(category, []).append(type)
    return list(grouped.items())
