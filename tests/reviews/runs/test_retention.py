"""A workspace that keeps histories for so many days forgets what is older, and nothing else."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.core.files.storage import FileSystemStorage, default_storage
from django.utils import timezone

from reviews.artifacts.actions import write_version
from reviews.audit.models import AuditEvent
from reviews.escalations.models import Escalation
from reviews.outbox import actions as outbox
from reviews.outbox.actions import StaleEpoch
from reviews.people.models import Account
from reviews.runs import retention, transcripts
from reviews.runs.models import Attempt, HistoryChunk, ModelCall, Run, Step
from reviews.runs.retention import forget_old_runs, is_too_old
from reviews.workspaces.actions import keep_histories
from reviews.workspaces.models import Workspace
from tests.support.calls import record_call
from tests.support.latencies import ingest, scheduled
from tests.support.people import approve, ask_refund, start_refund

DAY = timedelta(days=1)


@pytest.fixture
def month(home: Workspace) -> Workspace:
    """Home, which keeps histories for 30 days."""
    keep_histories(home, 30, by=None)
    home.refresh_from_db()
    return home


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def closed(workspace: Workspace, by: Account, age: timedelta, *, steps: int = 1) -> Run:
    """A run that ended so long ago, with something of everything."""
    run = start_refund(workspace, by)
    at = timezone.now() - age
    Run.objects.filter(id=run.id).update(
        status="completed", started_at=at, closed_at=at, result={"paid": True}, memo={"a": 1},
        failure={"type": "x"}, search_attributes={"b": 2}, last_event_id=9, history_bytes=100,
    )  # fmt: skip
    for number in range(1, steps + 1):
        Step.objects.create(
            run=run, event_id=number, kind="activity", name="pay", status="completed", scheduled_at=at
        )
        HistoryChunk.objects.create(run=run, first_event=number, last_event=number, data=b"x")
    Attempt.objects.create(run=run, activity_id="1", activity_type="pay", number=1, started_at=at)
    ModelCall.objects.create(
        run=run, activity_id="1", attempt=1, model="m", messages=[], started_at=at, duration_ms=1
    )
    return Run.objects.get(id=run.id)


def forget(workspace: Workspace, now: datetime) -> int:
    """All batches. Answers how many there were."""
    epoch, batches = outbox.raise_epoch("test", 1), 0
    while forget_old_runs(workspace, now, epoch=epoch):
        batches += 1
        assert batches < 100
    return batches


def parts_of(run: Run) -> int:
    return sum(part._default_manager.filter(run=run).count() for part in retention.PARTS)


def test_a_bare_run_goes_whole_when_it_is_too_old(month: Workspace, olga: Account, now: datetime) -> None:
    old, young = closed(month, olga, 31 * DAY), closed(month, olga, 29 * DAY)
    assert forget(month, now) == 1
    assert not Run.objects.filter(id=old.id).exists()
    assert parts_of(old) == 0
    assert Run.objects.get(id=young.id).forgotten_at is None
    assert parts_of(young) == 4


def test_without_a_setting_everything_stays(home: Workspace, olga: Account, now: datetime) -> None:
    run = closed(home, olga, 10_000 * DAY)
    assert forget(home, now) == 0
    assert parts_of(run) == 4


def test_other_workspaces_and_open_runs_stay(
    month: Workspace, abroad: Workspace, charlie: Account, olga: Account, now: datetime
) -> None:
    foreign, opened = closed(abroad, charlie, 99 * DAY), start_refund(month, olga)
    Run.objects.filter(id=opened.id).update(started_at=now - 99 * DAY, created_at=now - 99 * DAY)
    assert forget(month, now) == 0
    assert Run.objects.filter(id__in=[foreign.id, opened.id], forgotten_at=None).count() == 2


@pytest.mark.parametrize("holds", ["question", "child", "successor", "file"])
def test_a_run_on_which_something_hangs_is_marked(
    month: Workspace, olga: Account, bob: Account, now: datetime, holds: str
) -> None:
    run = closed(month, olga, 31 * DAY)
    match holds:
        case "question":
            Run.objects.filter(id=run.id).update(status="running", closed_at=None)
            approve(ask_refund(run), bob)
            Run.objects.filter(id=run.id).update(status="completed", closed_at=run.closed_at)
        case "child":
            Run.objects.filter(id=start_refund(month, olga).id).update(parent=run)
        case "successor":
            Run.objects.filter(id=start_refund(month, olga).id).update(previous=run)
        case "file":
            write_version(month, "report.md", b"# Report", media_type="text/markdown", run=run)

    assert forget(month, now) == 1
    after = Run.objects.get(id=run.id)
    assert parts_of(run) == 0
    assert (after.input, after.result, after.failure) == (None, None, None)
    assert (after.memo, after.search_attributes) == ({}, {})
    assert (after.forgotten_at, after.history_whole) == (now, True)
    assert (after.status, after.title, after.last_event_id) == ("completed", run.title, 9), (
        "what it was is still said"
    )
    assert not Run.objects.to_follow().filter(id=run.id).exists(), "the mirror does not fetch it again"
    if holds == "question":
        assert Escalation.objects.get().decision is not None


def test_it_goes_in_small_batches_and_is_marked_when_all_is_gone(
    month: Workspace, olga: Account, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = closed(month, olga, 31 * DAY, steps=12)
    write_version(month, "report.md", b"# Report", media_type="text/markdown", run=run)
    monkeypatch.setattr(retention, "AT_ONCE", 5)
    epoch = outbox.raise_epoch("test", 1)
    left = parts_of(run)
    while forget_old_runs(month, now, epoch=epoch):
        assert 0 <= left - parts_of(run) <= 5
        left = parts_of(run)
        assert bool(left) == (Run.objects.get(id=run.id).forgotten_at is None)
    assert left == 0


def test_each_batch_is_in_the_audit(month: Workspace, olga: Account, now: datetime) -> None:
    run = closed(month, olga, 31 * DAY)
    forget(month, now)
    event = AuditEvent.objects.get(verb="runs.forgotten")
    assert (event.actor_name, event.workspace_id) == ("agentsite", month.id)
    assert event.details == {"keep_days": 30, "runs": [str(run.id)], "rows": 4, "marked": 0, "removed": 1}


def test_a_history_that_was_imported_is_as_old_as_its_import(
    month: Workspace, olga: Account, now: datetime
) -> None:
    run = closed(month, olga, 400 * DAY)
    Run.objects.filter(id=run.id).update(imported_at=now - DAY)
    assert forget(month, now) == 0
    Run.objects.filter(id=run.id).update(imported_at=now - 31 * DAY)
    assert forget(month, now) == 1


def test_a_bridge_that_was_replaced_forgets_nothing(month: Workspace, olga: Account, now: datetime) -> None:
    run = closed(month, olga, 31 * DAY)
    stale = outbox.raise_epoch("old", 1)
    outbox.raise_epoch("new", 2)
    with pytest.raises(StaleEpoch):
        forget_old_runs(month, now, epoch=stale)
    assert parts_of(run) == 4


def test_what_was_forgotten_is_not_mirrored_again(month: Workspace, olga: Account, now: datetime) -> None:
    run = closed(month, olga, 31 * DAY)
    write_version(month, "report.md", b"# Report", media_type="text/markdown", run=run)
    forget(month, now)
    ingest(run, 10, 12, [scheduled(10)])  # a follower that was under way
    assert parts_of(run) == 0


def test_what_is_too_old_is_not_brought_back(month: Workspace, abroad: Workspace, now: datetime) -> None:
    assert is_too_old(month, now - 31 * DAY)
    assert not is_too_old(month, now - 29 * DAY)
    assert not is_too_old(month, None), "it is still open"
    assert not is_too_old(abroad, now - 10_000 * DAY)


def test_what_storage_keeps_of_model_calls_goes_too(month: Workspace, olga: Account, now: datetime) -> None:
    old, young = closed(month, olga, 31 * DAY), closed(month, olga, 29 * DAY)
    going, staying = (record_call(run, answer="x" * 100_000).whole_at for run in (old, young))
    forget(month, now)
    assert not default_storage.exists(going)
    assert default_storage.exists(staying)
    assert not Run.objects.filter(id=old.id).exists()


def test_a_transcript_that_cannot_be_removed_keeps_its_row(
    month: Workspace, olga: Account, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = closed(month, olga, 31 * DAY)
    place = record_call(run, answer="x" * 100_000).whole_at
    with monkeypatch.context() as broken:
        broken.setattr(transcripts, "default_storage", FileSystemStorage(location="/dev/null"))
        with pytest.raises(OSError):
            forget(month, now)
    assert ModelCall.objects.filter(run=run, whole_at=place).exists()
    forget(month, now)
    assert not default_storage.exists(place)
