"""The executions of a workflow id are met in any order; which one goes on from which is what histories say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.runs import discovering, mirroring
from reviews.runs.discovering import Listed
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
