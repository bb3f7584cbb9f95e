"""The list beside the open question: what waits, what is mine, what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from reviews.escalations.models import Decision, DeliveryState, Escalation, EscalationQuerySet
from reviews.escalations.queries import escalations_for
from reviews.pages.edge import PageRequest
from reviews.pages.lists import KeysetPage, keyset_page
from reviews.workspaces.access import Right, Viewer

TABS = {"waiting": "Waiting", "mine": "Mine", "decided": "Decided"}
SIZE = 30


@dataclass
class Desk:
    """``query`` is appended to each question's address, so that the list stays where it is."""

    tab: str
    before: str
    listed: KeysetPage[Escalation]

    @property
    def items(self) -> list[Escalation]:
        return self.listed.items

    @property
    def query(self) -> str:
        return _query(self.tab, self.before)

    @property
    def here(self) -> str:
        return reverse("inbox") + self.query

    @property
    def older(self) -> str | None:
        return reverse("inbox") + _query(self.tab, self.listed.next) if self.listed.next else None

    @property
    def tabs(self) -> list[tuple[str, str, str]]:
        return [(name, title, reverse("inbox") + _query(name, "")) for name, title in TABS.items()]

    def after(self, current: Escalation) -> Escalation | None:
        """The question to take next: the one below, else the first that waits."""
        ids = [item.id for item in self.items]
        place = ids.index(current.id) + 1 if current.id in ids else 0
        waiting = [
            item for item in [*self.items[place:], *self.items] if item.is_pending and item.id != current.id
        ]
        return waiting[0] if waiting else None


def desk_of(request: PageRequest, default: str = "waiting") -> Desk:
    """The list that the address names. Raises :class:`~reviews.workspaces.access.Forbidden`."""
    tab = request.GET.get("tab", default)
    tab = tab if tab in TABS else default
    before = request.GET.get("before", "")
    rows = _rows(request.viewer, tab).select_related("run", "claim__account").defer("document")
    apart = _apart(request.viewer, tab)
    listed = keyset_page(rows, before, by="opened_at", size=SIZE, apart=apart)
    _add_decisions(listed.items)
    return Desk(tab, before, listed)


def _rows(viewer: Viewer, tab: str) -> EscalationQuerySet:
    readable = escalations_for(viewer)
    return readable.exclude(state="pending") if tab == "decided" else readable.pending()


def _apart(viewer: Viewer, tab: str) -> list[Q]:
    """Each workspace has its own order in the index, and claims and starts have an index each: an OR has none."""
    workspaces = [Q(workspace=id) for id in viewer.workspaces(Right.ESCALATIONS_READ)]
    if tab != "mine":
        return workspaces
    mine = (Q(claim__account=viewer.account), Q(run__started_by=viewer.account))
    return [one & other for one in workspaces for other in mine]


def _add_decisions(items: list[Escalation]) -> None:
    """One query for the decisions of all, in place of one each."""
    closed = [item.id for item in items if not item.is_pending]
    if not closed:
        return
    standing = Decision.objects.filter(escalation__in=closed).exclude(delivery__state=DeliveryState.UNDONE)
    found: dict[Any, Decision] = {one.escalation_id: one for one in standing.select_related("by", "delivery")}
    for item in items:
        item.__dict__["decision"] = found.get(item.id)


def _query(tab: str, before: str | None) -> str:
    parts = {"tab": tab if tab != "waiting" else "", "before": before or ""}
    said = urlencode({name: value for name, value in parts.items() if value})
    return f"?{said}" if said else ""
