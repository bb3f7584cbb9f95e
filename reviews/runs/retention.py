"""Forgetting: what runs did goes when they closed longer ago than their workspace keeps histories.

Questions, decisions, files and the audit stay, and with them the run that they belong to.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Model, Q
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.outbox import actions as outbox
from reviews.runs import transcripts
from reviews.runs.models import Attempt, HistoryChunk, ModelCall, Run, RunQuerySet, Step
from reviews.workspaces.models import Workspace

AT_ONCE = 500
"""Rows of one transaction, which so stays well below a second."""
RUNS_AT_ONCE = 100
TRANSCRIPTS_AT_ONCE = 100
PARTS: dict[type[Model], int] = {HistoryChunk: 100, Step: AT_ONCE, Attempt: AT_ONCE, ModelCall: 100}
"""What a run did, and how many of them at once: chunks and calls can be large. Each has ``run``."""


def is_too_old(workspace: Workspace, closed_at: datetime | None) -> bool:
    """Whether a run that closed then is forgotten already, or would be at once: nobody brings it back."""
    before = _kept_since(workspace, timezone.now())
    return before is not None and closed_at is not None and closed_at < before


def forget_old_runs(
    workspace: Workspace, now: datetime, *, epoch: int, more: Mapping[type[Model], int] | None = None
) -> int:
    """One batch, in one transaction: how many rows went; 0 when nothing is left to forget.

    ``more`` are parts like :data:`PARTS` that slices above this one keep of a run.

    A run is marked as forgotten, or removed where nothing else hangs on it, when all of its parts are gone.
    Raises :class:`~reviews.outbox.actions.StaleEpoch`.
    """
    before = _kept_since(workspace, now)
    if before is None:
        return 0
    if count := _forget_transcripts(workspace, before, epoch):
        return count
    with transaction.atomic():
        outbox.require_epoch(epoch)
        runs = [run.id for run in _old(workspace, before).select_for_update(skip_locked=True)[:RUNS_AT_ONCE]]
        if not runs:
            return 0
        removed, is_all = _remove_parts(runs, PARTS | dict(more or {}))
        details = {"rows": removed} | (_finish(runs, now) if is_all else {})
        audit.record(
            "runs.forgotten",
            "workspace",
            workspace.id,
            by=None,
            workspace_id=workspace.id,
            keep_days=workspace.keep_days,
            runs=[str(run) for run in runs],
            **details,
        )
        changed = [("run", run) for run in runs]
        changes.record(*changed, ("runs", workspace.id), workspace_id=workspace.id)
        return removed + len(runs)


def _kept_since(workspace: Workspace, now: datetime) -> datetime | None:
    return now - timedelta(days=workspace.keep_days) if workspace.keep_days is not None else None


def _old(workspace: Workspace, before: datetime) -> RunQuerySet:
    """An imported history is as old as its import: somebody wanted to read it."""
    closed = Run.objects.filter(workspace=workspace, closed_at__lt=before, forgotten_at=None)
    imported = Q(imported_at=None) | Q(imported_at__lt=before)
    return closed.filter(imported).order_by("closed_at", "id").only("id")


def _forget_transcripts(workspace: Workspace, before: datetime, epoch: int) -> int:
    """What storage keeps of model calls goes first, outside of a transaction: storage may be slow.

    Where it fails, the rows stay and lead there the next time. Answers how many went.
    """
    with transaction.atomic():
        outbox.require_epoch(epoch)
        old = _old(workspace, before)[:RUNS_AT_ONCE]
        calls = ModelCall.objects.filter(run__in=list(old.values_list("id", flat=True))).exclude(whole_at="")
        kept = list(calls.order_by().values_list("id", "whole_at")[:TRANSCRIPTS_AT_ONCE])
    transcripts.remove(place for _, place in kept)
    if kept:
        ModelCall.objects.filter(id__in=[id for id, _ in kept]).update(whole_at="")
    return len(kept)


def _remove_parts(runs: list[uuid.UUID], parts: Mapping[type[Model], int]) -> tuple[int, bool]:
    """At most :data:`AT_ONCE` rows of these runs: how many went, and whether that was all."""
    removed = 0
    for part, most in parts.items():
        most = min(most, AT_ONCE - removed)
        rows = part._default_manager.filter(run__in=runs).order_by().values("id")[:most]
        gone = part._default_manager.filter(id__in=rows).delete()[0]
        removed += gone
        if gone == most:
            return removed, False
    return removed, True


def _finish(runs: list[uuid.UUID], now: datetime) -> dict[str, int]:
    """No part of them is left. Answers how many were ``marked`` and ``removed``."""
    bare = Run.objects.filter(id__in=runs, escalations=None, versions=None, children=None, successors=None)
    removed = Run.objects.filter(id__in=list(bare.values_list("id", flat=True))).delete()[0]
    marked = Run.objects.filter(id__in=runs).update(
        input=None,
        result=None,
        failure=None,
        memo={},
        search_attributes={},
        history_whole=True,
        history_token=None,
        forgotten_at=now,
    )
    return {"marked": marked, "removed": removed}
