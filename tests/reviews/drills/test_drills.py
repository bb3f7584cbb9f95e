"""A drill's life in the database: one at a time, told as it goes, and over when its process is."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.drills import actions
from reviews.drills.models import SILENCE, Drill, DrillKind, DrillState
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace


@pytest.fixture
def drill(home: Workspace, olga: Account) -> Drill:
    return actions.start_drill(home, DrillKind.WORKER, by=olga)


def silence(drill: Drill) -> None:
    long_ago = timezone.now() - SILENCE - timedelta(seconds=1)
    Drill.objects.filter(id=drill.id).update(beat_at=long_ago)
    drill.refresh_from_db()


def told(drill: Drill) -> int:
    return Change.objects.filter(topic="drill", object_id=str(drill.id)).count()


def test_starting_is_audited_and_told(drill: Drill, olga: Account) -> None:
    event = AuditEvent.objects.get(verb="drill.started")
    assert (event.actor, event.object_id, event.details) == (olga, str(drill.id), {"kind": "worker"})
    assert told(drill) == 1
    assert Change.objects.filter(topic="drills", object_id=str(drill.workspace_id)).exists()


def test_one_at_a_time_wherever_it_runs(drill: Drill, abroad: Workspace, charlie: Account) -> None:
    with pytest.raises(actions.AnotherDrillRuns):
        actions.start_drill(abroad, DrillKind.WEB, by=charlie)
    actions.end_drill(drill, DrillState.PASSED, "All is well.")
    assert actions.start_drill(abroad, DrillKind.WEB, by=charlie).is_running


def test_what_it_says_counts_and_strikes_is_told(drill: Drill, run: Run) -> None:
    actions.follow(drill, run, tasks=50)
    actions.say(drill, "It begins.")
    actions.count(drill, 46)
    actions.count(drill, 46)
    actions.struck(drill, "kill -9")
    drill.refresh_from_db()
    assert (drill.run, drill.done, drill.figures) == (run, 46, {"tasks": 50})
    assert drill.struck_at is not None
    assert [(line.text, line.tone) for line in drill.lines.all()] == [
        ("It begins.", "quiet"),
        ("kill -9", "bad"),
    ]
    assert told(drill) == 5, "the second count of the same changed nothing"


def test_the_first_end_counts(drill: Drill) -> None:
    actions.end_drill(drill, DrillState.PASSED, "All is well.", answered=50)
    actions.end_drill(drill, DrillState.FAILED, "Too late.")
    assert (drill.state, drill.verdict, drill.figures) == ("passed", "All is well.", {"answered": 50})
    assert drill.took is not None
    assert [event.verb for event in AuditEvent.objects.filter(object_id=str(drill.id)).order_by("id")] == [
        "drill.started",
        "drill.passed",
    ]


def test_one_that_was_ended_says_nothing_more(drill: Drill) -> None:
    actions.end_drill(drill, DrillState.INTERRUPTED, "Stopped.")
    for act in (
        actions.beat,
        lambda drill: actions.say(drill, "still here"),
        lambda drill: actions.count(drill, 1),
    ):
        with pytest.raises(actions.DrillEnded):
            act(drill)
    assert not drill.lines.exists()


def test_a_silent_one_counts_as_interrupted_before_anybody_wrote_it_down(drill: Drill) -> None:
    silence(drill)
    assert (drill.state, drill.standing, drill.is_running) == ("running", "interrupted", False)


def test_a_silent_one_is_ended_and_makes_room(drill: Drill, home: Workspace, olga: Account) -> None:
    silence(drill)
    assert actions.start_drill(home, DrillKind.BRIDGE, by=olga).is_running
    drill.refresh_from_db()
    assert (drill.state, drill.verdict) == ("interrupted", actions.SILENT)


def test_a_beat_keeps_it_alive(drill: Drill) -> None:
    silence(drill)
    actions.beat(drill)
    actions.end_silent()
    drill.refresh_from_db()
    assert drill.is_running
