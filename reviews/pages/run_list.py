"""The rows of the runs page: which runs, whose children are shown below them, and how many fit."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from django.db.models import Q
from django.urls import reverse

from reviews.pages.lists import (
    MOST_COUNTED,
    KeysetPage,
    capped_count,
    count_in_words,
    estimate,
    keyset_page,
    page_of_few,
    sorted_heads,
)
from reviews.pages.run_filters import Filters
from reviews.runs.models import Run, RunQuerySet
from reviews.runs.queries import runs_for, with_children
from reviews.workspaces.access import Right, Viewer, workspace_for

SIZE = 50
CHILDREN = 50
"""Of one run that are shown below it; the rest have a list of their own."""
MOST_APART = 60
SORTED_BY_TEXT, SORTED_BY_ATTRIBUTE = 10_000, 5_000
"""So many of a million are sorted as fast as the newest of them are come upon by age (bench, row 4)."""
COLUMNS = (
    "workspace_id", "agent", "workflow_type", "workflow_id", "title", "status", "waiting_for_human", "created_at",
    "started_at", "reset_event_id", "closed_at", "cancel_requested_at", "started_by__name", "started_by__title", "parent__title",
    "parent__workflow_id", "parent__workspace_id",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """``depth`` counts the runs above it in the tree; ``hidden_children`` are more than are shown.

    ``parent`` is named where it does not stand above, and may be read.
    """

    run: Run
    parent: Run | None
    depth: int
    children: str
    toggle: str
    is_unfolded: bool
    hidden_children: bool


@dataclass(frozen=True)
class RunList:
    """``count`` is in words, and of all that fit: ``12``, ``1000+``."""

    filters: Filters
    rows: list[Row]
    older: str | None
    count: str

    @property
    def counted(self) -> str:
        """``1 run``, ``1000+ runs``."""
        return f"{self.count} {'run' if self.count == '1' else 'runs'}"

    @property
    def is_moving(self) -> bool:
        return any(row.run.is_open for row in self.rows)


def run_list(viewer: Viewer, filters: Filters) -> RunList:
    """Raises :class:`~reviews.workspaces.access.NotFound` and :class:`~reviews.workspaces.access.Forbidden`."""
    workspaces = _workspaces(viewer, filters)
    listed, count = _page(viewer, filters, workspaces)
    older = filters.address(before=listed.next) if listed.next else None
    below = _children(filters, workspaces)
    rows = _rows(filters, listed.items, below, frozenset(viewer.workspaces(Right.RUNS_READ)))
    return RunList(filters, rows, older, count_in_words(count))


def _page(viewer: Viewer, filters: Filters, workspaces: Sequence[uuid.UUID]) -> tuple[KeysetPage[Run], int]:
    """The rows, and how many fit (capped).

    Where few fit, all of them are asked for without an order, and sorted here. Asked for the newest of a few,
    PostgreSQL may well go through all runs by their age until it has found enough; and it would do the work twice,
    once for the count.
    """
    runs = _fitting(viewer, filters, workspaces)
    if not filters.any:
        listed = _newest(runs, filters, workspaces)
        is_whole = not filters.before and not listed.next
        return listed, len(listed.items) if is_whole else capped_count(runs)
    rows = _dressed(Run.objects.all(), workspaces)
    if _are_sorted_at_once(runs, filters):
        heads, count = sorted_heads(runs, filters.before, by="created_at", size=SIZE)
        return page_of_few(rows, heads, "", by="created_at", size=SIZE), count
    places = list(runs.order_by().values_list("created_at", "id")[: MOST_COUNTED + 1])
    if len(places) <= MOST_COUNTED:
        return page_of_few(rows, places, filters.before, by="created_at", size=SIZE), len(places)
    return _newest(_fitting(viewer, filters, workspaces, by_age=True), filters, workspaces), len(places)


def _are_sorted_at_once(runs: RunQuerySet, filters: Filters) -> bool:
    most = SORTED_BY_TEXT if filters.q else SORTED_BY_ATTRIBUTE
    return filters.run_filter().looks_inside and estimate(runs) <= most


def _newest(runs: RunQuerySet, filters: Filters, workspaces: Sequence[uuid.UUID]) -> KeysetPage[Run]:
    apart = _apart(workspaces, filters)
    return keyset_page(_dressed(runs, workspaces), filters.before, by="created_at", size=SIZE, apart=apart)


def found(viewer: Viewer, filters: Filters) -> RunQuerySet:
    """All runs that fit, in no order."""
    return _fitting(viewer, filters, _workspaces(viewer, filters))


def _fitting(
    viewer: Viewer, filters: Filters, workspaces: Sequence[uuid.UUID], *, by_age: bool = False
) -> RunQuerySet:
    runs = runs_for(viewer)
    if filters.workspace:
        runs = runs.filter(workspace__in=workspaces)
    runs = filters.run_filter().apply(runs, by_age=by_age)
    return runs.filter(parent=None) if filters.is_tree else runs


def _workspaces(viewer: Viewer, filters: Filters) -> list[uuid.UUID]:
    if filters.workspace:
        return [workspace_for(viewer, filters.workspace, Right.RUNS_READ).id]
    return viewer.workspaces(Right.RUNS_READ)


def _dressed(runs: RunQuerySet, workspaces: Sequence[uuid.UUID]) -> RunQuerySet:
    shown = runs.select_related("started_by", "parent").only(*COLUMNS)
    return with_children(shown, workspaces, most=MOST_COUNTED)


def _apart(workspaces: Sequence[uuid.UUID], filters: Filters) -> list[Q]:
    """The indexes begin with workspace and status, so the newest of each are found at once."""
    if filters.parent:
        return []  # children of one have an order of their own
    if filters.statuses and len(workspaces) * len(filters.statuses) <= MOST_APART:
        return [Q(workspace=id, status=status) for id, status in product(workspaces, filters.statuses)]
    return [Q(workspace=id) for id in workspaces]


def _children(filters: Filters, workspaces: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[Run]]:
    """Those of the unfolded runs, at whatever depth, in one query; newest first."""
    if not filters.unfold or not filters.is_tree:
        return {}
    runs = Run.objects.filter(workspace__in=workspaces).order_by("-created_at", "-id")
    heads = [runs.filter(parent=uuid.UUID(id)).values("id")[: CHILDREN + 1] for id in filters.unfold]
    ids = heads[0].union(*heads[1:], all=True) if len(heads) > 1 else heads[0]
    below: dict[uuid.UUID, list[Run]] = {}
    for child in _dressed(runs.filter(id__in=ids), workspaces):
        if child.parent_id is not None:
            below.setdefault(child.parent_id, []).append(child)
    return below


def _rows(
    filters: Filters,
    runs: list[Run],
    below: dict[uuid.UUID, list[Run]],
    readable: frozenset[uuid.UUID],
    depth: int = 0,
) -> list[Row]:
    rows: list[Row] = []
    for run in runs:
        # A run is below one other at most, so what was shown is not shown again, and no circle can be walked.
        children = below.pop(run.id, [])
        rows.append(_row(filters, run, children, readable, depth))
        rows += _rows(filters, children[:CHILDREN], below, readable, depth + 1)
    return rows


def _row(filters: Filters, run: Run, children: list[Run], readable: frozenset[uuid.UUID], depth: int) -> Row:
    count: int = run.child_count  # type: ignore[attr-defined]
    toggle = ""
    if count:
        toggle = filters.toggle(run.id) if filters.is_tree else f"{reverse('runs')}?parent={run.id}"
    parent = run.parent if depth == 0 else None
    return Row(
        run=run,
        parent=parent if parent and parent.workspace_id in readable else None,
        depth=depth,
        children=f"{count_in_words(count)} {'child' if count == 1 else 'children'}" if count else "",
        toggle=toggle,
        is_unfolded=bool(children),
        hidden_children=len(children) > CHILDREN,
    )
