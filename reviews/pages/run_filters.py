"""The filters of the runs page as they stand in its address, and as chips that can be taken away."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from reviews.runs.filters import RunFilter
from reviews.runs.models import OPEN_STATUSES, RunStatus
from reviews.runs.text import clean

OPEN = "open"
WITHIN = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
STATUSES = [(OPEN, "Open"), *((status.value, status.label.capitalize()) for status in RunStatus)]
QUICK = (OPEN, RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELED)
MOST_STATUSES, MOST_ATTRIBUTES, MOST_UNFOLDED = len(STATUSES), 5, 20
LONGEST = 300


@dataclass(frozen=True)
class Chip:
    """What is filtered by, in words, and the list without it."""

    words: str
    value: str
    without: str


@dataclass(frozen=True)
class Filters:
    """``flat`` lists children as rows of their own. ``unfold`` are runs whose children are shown, ``before`` the
    cursor: these two belong to the page, and not to the view that can be saved.
    """

    status: tuple[str, ...] = ()
    agent: str = ""
    type: str = ""
    waiting: bool = False
    within: str = ""
    since: str = ""
    until: str = ""
    q: str = ""
    attribute: tuple[str, ...] = ()
    id: str = ""
    workspace: str = ""
    parent: str = ""
    flat: bool = False
    unfold: tuple[str, ...] = ()
    before: str = ""

    @classmethod
    def of(cls, query: QueryDict) -> Filters:
        """What the address says and makes sense; the rest is as if it were not there."""

        def said(name: str) -> str:
            return _text(query.get(name, ""))

        def several(name: str, most: int) -> tuple[str, ...]:
            return tuple(dict.fromkeys(text for value in query.getlist(name) if (text := _text(value))))[
                :most
            ]

        known = {status for status, _ in STATUSES}
        return cls(
            status=tuple(one for one in several("status", MOST_STATUSES) if one in known),
            agent=said("agent"),
            type=said("type"),
            waiting=said("waiting") == "1",
            within=said("within") if said("within") in WITHIN else "",
            since=said("since") if _moment(said("since")) else "",
            until=said("until") if _moment(said("until")) else "",
            q=said("q"),
            attribute=tuple(one for one in several("attribute", MOST_ATTRIBUTES) if "=" in one.strip("=")),
            id=said("id"),
            workspace=said("workspace"),
            parent=said("parent") if as_uuid(said("parent")) else "",
            flat=said("flat") == "1",
            unfold=tuple(one for one in several("unfold", MOST_UNFOLDED) if as_uuid(one)),
            before=said("before"),
        )

    # Addresses

    @property
    def here(self) -> str:
        return reverse("runs") + _query(self)

    @property
    def parameters(self) -> str:
        """The same behind the ``?``, for a form that leads back here."""
        return _query(self).removeprefix("?")

    @property
    def query(self) -> str:
        """What a saved view keeps: the filters alone, behind the ``?``."""
        return _query(replace(self, unfold=(), before="")).removeprefix("?")

    def address(self, **changed: Any) -> str:
        """The list with these filters; a change of filter starts from the newest, with all folded."""
        return reverse("runs") + _query(replace(self, **{"unfold": (), "before": "", **changed}))

    def toggle(self, run_id: uuid.UUID) -> str:
        """The same page with the run's children shown, or folded again."""
        name = str(run_id)
        others = tuple(one for one in self.unfold if one != name)
        unfold = others if name in self.unfold else (*others, name)[-MOST_UNFOLDED:]
        return reverse("runs") + _query(replace(self, unfold=unfold))

    # What is filtered by

    @property
    def any(self) -> bool:
        return bool(replace(self, flat=False).query)

    @property
    def is_tree(self) -> bool:
        """Whether children stand folded below the run that started them, and so are not in the list."""
        return not self.any and not self.flat

    @property
    def chips(self) -> list[Chip]:
        labels = dict(STATUSES)
        found = [
            Chip("status", labels[one], self.address(status=_without(self.status, one)))
            for one in self.status
        ]
        found += [self._chip(name, words) for name, words in _CHIPS.items() if getattr(self, name)]
        found += [
            Chip("attribute", one, self.address(attribute=_without(self.attribute, one)))
            for one in self.attribute
        ]
        return found

    def _chip(self, name: str, words: str) -> Chip:
        value = getattr(self, name)
        default = next(field.default for field in fields(self) if field.name == name)
        shown = "" if value is True else value.replace("T", " ") if name in ("since", "until") else value
        return Chip(words, shown[:8] if name == "parent" else shown, self.address(**{name: default}))

    @property
    def quick(self) -> list[tuple[str, str, bool]]:
        """Address, words and whether it is chosen, of what is asked for all day."""
        labels = dict(STATUSES)
        asked = [(self.address(status=(), waiting=False), "All", not self.status and not self.waiting)]
        asked += [
            (
                self.address(status=(one,), waiting=False),
                labels[one],
                self.status == (one,) and not self.waiting,
            )
            for one in QUICK
        ]
        waits = (self.address(status=(), waiting=True), "Waiting for a person", self.waiting)
        return [*asked[:2], waits, *asked[2:]]

    @property
    def boxes(self) -> list[tuple[str, str, bool]]:
        return [(status, words, status in self.status) for status, words in STATUSES]

    @property
    def statuses(self) -> tuple[str, ...]:
        """As rows have them: ``open`` stands for three."""
        named = [OPEN_STATUSES if one == OPEN else (one,) for one in self.status]
        return tuple(dict.fromkeys(str(status) for group in named for status in group))

    def run_filter(self) -> RunFilter:
        since = timezone.now() - WITHIN[self.within] if self.within else None
        return RunFilter(
            statuses=self.statuses,
            agent=self.agent,
            type=self.type,
            waiting=True if self.waiting else None,
            after=max(filter(None, (since, _moment(self.since))), default=None),
            before=_moment(self.until),
            text=self.q,
            attributes=self.attribute,
            id=self.id,
            parent=as_uuid(self.parent),
        )


_CHIPS = {
    "waiting": "waiting for a person",
    "agent": "agent",
    "type": "type",
    "within": "started within the last",
    "since": "started from",
    "until": "started before",
    "q": "text",
    "id": "called",
    "workspace": "workspace",
    "parent": "children of",
}


def _query(filters: Filters) -> str:
    said: list[tuple[str, str]] = []
    for field in fields(filters):
        value = getattr(filters, field.name)
        values = value if isinstance(value, tuple) else ["1" if value is True else value]
        said += [(field.name, one) for one in values if one]
    return f"?{urlencode(said)}" if said else ""


def _without(values: tuple[str, ...], one: str) -> tuple[str, ...]:
    return tuple(value for value in values if value != one)


def _text(value: str) -> str:
    return str(clean(value)).strip()[:LONGEST]


def as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    """A day, or a minute of it, in UTC."""
    try:
        found: datetime | date | None = parse_datetime(text) or parse_date(text)
    except ValueError:
        return None
    if found is None:
        return None
    if not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
