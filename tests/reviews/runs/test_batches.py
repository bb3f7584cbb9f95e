"""Workers write what they saw in batches, and may see the same attempts at once: one is lost, the other begins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.utils import timezone

from reviews.runs import recording
from reviews.runs.models import Attempt
from reviews.runs.recording import AttemptSeen, Execution, record
from reviews.workspaces.models import Workspace


def seen(home: Workspace, name: str, number: int = 1, outcome: str = "running") -> AttemptSeen:
    now = timezone.now()
    ended = None if outcome == "running" else now
    return AttemptSeen(
        Execution(home.namespace, name, name, "refund"), "1", "pay", number, "w", now, outcome, ended
    )


@pytest.mark.django_db(transaction=True)
def test_none_waits_for_another_that_waits_for_it(home: Workspace) -> None:
    """Each ends the attempt after which the other's begins."""

    def write(batch: list[AttemptSeen], start: threading.Barrier) -> None:
        try:
            start.wait()
            record(batch)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as workers:
        for turn in range(15):
            one, other = f"one-{turn}", f"other-{turn}"
            record([seen(home, one), seen(home, other)])
            start = threading.Barrier(2)
            batches = (
                [seen(home, one, 2), seen(home, other, 1, "failed")],
                [seen(home, one, 1, "failed"), seen(home, other, 2)],
            )
            for done in [workers.submit(write, batch, start) for batch in batches]:
                done.result()

    found = Attempt.objects.values_list("number", "outcome")
    assert sorted(found) == 30 * [(1, "failed")] + 30 * [(2, "running")]


@pytest.mark.django_db(transaction=True)
def test_an_attempt_that_another_follows_is_lost_however_late_it_is_written(
    home: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its beginning is written, and not yet committed, while another worker writes the next one's."""
    record([seen(home, "letter", 7)])  # the run has just moved
    Attempt.objects.all().delete()
    wrote, go_on, end_lost = threading.Event(), threading.Event(), recording._end_lost

    def slowly(attempts: dict[recording._Key, AttemptSeen]) -> None:
        if threading.current_thread() is first:
            wrote.set()
            go_on.wait(5)
        end_lost(attempts)

    def write(number: int) -> None:
        try:
            record([seen(home, "letter", number)])
        finally:
            connections.close_all()

    monkeypatch.setattr(recording, "_end_lost", slowly)
    first, second = (threading.Thread(target=write, args=[number]) for number in (1, 2))
    first.start()
    wrote.wait()
    second.start()
    second.join(0.5)
    go_on.set()
    for thread in (first, second):
        thread.join()

    assert dict(Attempt.objects.values_list("number", "outcome")) == {1: "failed", 2: "running"}
