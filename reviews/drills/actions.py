"""A drill's life: started by a person, told by its own process, ended by that or by its silence."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.drills.models import SILENCE, Drill, DrillKind, DrillLine, DrillState
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace

SILENT = "The process that carried it out ended before the drill did."


class AnotherDrillRuns(Exception):
    """One at a time: two would strike each other's runs."""


class DrillEnded(Exception):
    """It was ended by somebody else: its process has nothing left to do."""


def start_drill(workspace: Workspace, kind: DrillKind, *, by: Account) -> Drill:
    """Record a drill that a process is about to carry out. Raises :class:`AnotherDrillRuns`."""
    with transaction.atomic():
        end_silent()
        try:
            with transaction.atomic():
                drill = Drill.objects.create(workspace=workspace, kind=kind, by=by)
        except IntegrityError as error:
            raise AnotherDrillRuns from error
        audit.record("drill.started", "drill", drill.id, by=by, workspace_id=workspace.id, kind=kind)
        _listed(drill)
    drill.refresh_from_db()
    return drill


def end_silent() -> None:
    """Drills whose process ended without a word."""
    with transaction.atomic():
        silent = Drill.objects.filter(state=DrillState.RUNNING, beat_at__lt=timezone.now() - SILENCE)
        for drill in silent.select_for_update(skip_locked=True):
            _end(drill, DrillState.INTERRUPTED, SILENT)


def beat(drill: Drill) -> None:
    """Its process is there. Raises :class:`DrillEnded`."""
    _write(drill, beat_at=Now())


def say(drill: Drill, text: str, tone: str = "quiet") -> DrillLine:
    """Append a line. Raises :class:`DrillEnded`."""
    with transaction.atomic():
        _write(drill, beat_at=Now())
        line = DrillLine.objects.create(drill=drill, text=text, tone=tone)
        _changed(drill)
        return line


def follow(drill: Drill, run: Run, **figures: Any) -> None:
    """The run that it is about. Raises :class:`DrillEnded`."""
    with transaction.atomic():
        _write(drill, run=run, figures={**drill.figures, **figures})
        _changed(drill)


def struck(drill: Drill, text: str) -> None:
    """The blow has fallen. Raises :class:`DrillEnded`."""
    with transaction.atomic():
        _write(drill, struck_at=timezone.now())
        say(drill, text, "bad")


def count(drill: Drill, done: int) -> None:
    """So many tasks are answered. Raises :class:`DrillEnded`."""
    if done == drill.done:
        return
    with transaction.atomic():
        _write(drill, done=done, beat_at=Now())
        _changed(drill)


def end_drill(drill: Drill, state: DrillState, verdict: str, **figures: Any) -> None:
    """Say how it ended; ending again changes nothing."""
    with transaction.atomic():
        current = Drill.objects.select_for_update().get(id=drill.id)
        if current.state == DrillState.RUNNING:
            current.figures |= figures
            _end(current, state, verdict)
    drill.refresh_from_db()


def _end(drill: Drill, state: DrillState, verdict: str) -> None:
    drill.state, drill.verdict, drill.ended_at = state, verdict, timezone.now()
    drill.save(update_fields=["state", "verdict", "ended_at", "figures"])
    audit.record(
        f"drill.{state}", "drill", drill.id, by=None, workspace_id=drill.workspace_id, kind=drill.kind
    )
    _listed(drill)


def _write(drill: Drill, **fields: Any) -> None:
    if not Drill.objects.filter(id=drill.id, state=DrillState.RUNNING).update(**fields):
        raise DrillEnded
    for name, value in fields.items():
        if name != "beat_at":
            setattr(drill, name, value)


def _listed(drill: Drill) -> None:
    changes.record(("drill", drill.id), ("drills", drill.workspace_id), workspace_id=drill.workspace_id)


def _changed(drill: Drill) -> None:
    changes.record(("drill", drill.id), workspace_id=drill.workspace_id)
