"""The executions of a workflow id are met in any order; which one goes on from which is what histories say."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.runs import discovering, ingesting, mirroring
from reviews.runs.discovering import Listed
from reviews.runs.ingesting import HistorySeen
from reviews.runs.models import Run, RunStatus
from reviews.workspaces.models import Workspace


def take_in(home: Workspace, *run_ids: str) -> None:
    started = timezone.now() - timedelta(seconds=60)
    listed = [
        Listed("again", run_id, "first", "second-try", "elsewhere", RunStatus.RUNNING, started, None)
        for run_id in run_ids
    ]
    discovering.take_in(home.namespace, listed, epoch=outbox.raise_epoch("test", 1))


def named(run_id: str) -> Run:
    return Run.objects.get(run_id=run_id)


@pytest.mark.parametrize("met", [("first", "third"), ("third", "first")])
def test_a_list_that_leaves_one_out_invents_no_predecessor(home: Workspace, met: tuple[str, str]) -> None:
    for run_id in met:
        take_in(home, run_id)

    assert named("first").chain == named("third").chain
    assert (named("first").previous, named("third").previous) == (None, None)


def test_what_a_history_said_outlasts_a_look_at_the_newest_execution(home: Workspace) -> None:
    take_in(home, "first", "second", "third")
    mirroring.succeed(named("second"), named("first"))
    mirroring.succeed(named("third"), named("second"))

    mirroring.join_chain(named("third"), named("first"))  # the bridge looks so whenever an execution closes

    assert named("third").previous == named("second")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_executions_whose_histories_are_taken_in_at_once_are_one_chain(home: Workspace, seed: int) -> None:
    """Each changes the others' rows."""
    run_ids = [f"execution-{number}" for number in range(12)]
    runs = [mirroring.adopt(home.namespace, "again", run_id) for run_id in run_ids]
    epoch = outbox.raise_epoch("test", 1)

    def take_in_history(number: int) -> None:
        try:
            run, said = runs[number], {"first_run_id": run_ids[0]}
            previous = run_ids[number - 1] if number else None
            begins = HistorySeen(1, 3, [], 0, fields=said, previous_run_id=previous)
            ends = HistorySeen(4, 5, [], 0, successor=run_ids[number + 1] if number + 1 < len(runs) else None)
            for seen in (begins, ends):
                ingesting.ingest(run, seen, epoch=epoch)
        finally:
            connections.close_all()

    numbers = random.Random(seed).sample(range(len(runs)), len(runs))
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(take_in_history, numbers))

    assert Run.objects.values("chain").distinct().count() == 1
    previous = {
        run.run_id: run.previous and run.previous.run_id for run in Run.objects.select_related("previous")
    }
    assert previous == dict(zip(run_ids, [None, *run_ids], strict=False))
