"""What was said in a run goes when the workspace keeps what it did no longer."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from reviews.conversations.actions import say
from reviews.conversations.models import Turn
from reviews.outbox.actions import raise_epoch
from reviews.people.models import Account
from reviews.runs import mirroring, retention
from reviews.runs.models import Run
from reviews.workspaces.actions import keep_histories
from tests.support.conversations import answer
from workflows.bridge.forgetting import SAID


def test_turns_of_an_old_execution_go_and_newer_ones_stay(run: Run, olga: Account) -> None:
    answer(say(run, "old", by=olga), "Yes?")
    newest = mirroring.adopt(run.namespace, run.workflow_id, "the-next-one")
    Run.objects.filter(id=run.id).update(
        status="continued_as_new", closed_at=timezone.now() - timedelta(days=8), history_whole=True
    )
    said = say(run, "new", by=olga)
    keep_histories(run.workspace, 7, by=None)
    run.workspace.refresh_from_db()
    epoch = raise_epoch("test", 1)
    while retention.forget_old_runs(run.workspace, timezone.now(), epoch=epoch, more=SAID):
        pass

    assert [(turn.number, turn.text) for turn in Turn.objects.all()] == [(3, "new")]
    assert said.run == newest
