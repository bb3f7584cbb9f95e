"""Executions that somebody meets get their rows together: a worker's notes of a moment name many."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.people.models import Account
from reviews.runs import actions, discovering, mirroring
from reviews.runs.discovering import Listed
from reviews.runs.mirroring import Met
from reviews.runs.models import Run, RunStatus
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND


def _unnamed(home: Workspace, olga: Account) -> Run:
    """Started on a page; Temporal's answer has not come back yet."""
    return actions.start_run(home, "refund", REFUND, by=olga)


def test_the_one_that_waits_for_its_name_gets_the_oldest(home: Workspace, olga: Account, run: Run) -> None:
    waiting = _unnamed(home, olga)

    mirroring.take_up(
        home.namespace,
        [Met(waiting.workflow_id, "z-first", "refund"), Met(waiting.workflow_id, "a-second", "refund")],
    )

    first, second = (Run.objects.get(run_id=run_id) for run_id in ("z-first", "a-second"))
    assert (first.id, first.status) == (waiting.id, RunStatus.RUNNING)
    assert (second.title, second.agent, second.started_by) == (waiting.title, "refund", olga)


def test_each_belongs_where_its_relatives_are(home: Workspace, olga: Account, run: Run) -> None:
    second = workspaces.create_workspace("second", "Second", home.namespace, owner=olga)
    Run.objects.filter(id=run.id).update(workspace=second)
    names = [f"{run.workflow_id}/billing/clerk", f"{run.workflow_id}/billing", run.workflow_id, "stranger"]

    mirroring.take_up(home.namespace, [Met(name, f"of-{name}") for name in names])

    belong = [Run.objects.get(run_id=f"of-{name}").workspace for name in names]
    assert belong == [second, second, second, home]


def test_a_namespace_that_is_nobodys_gets_none(home: Workspace) -> None:
    mirroring.take_up("nobodys", [Met("a", "first"), Met("b", "second")])

    assert not Run.objects.exists()
    with pytest.raises(mirroring.UnknownWorkspace):
        mirroring.adopt("nobodys", "a", "first")


def test_workers_and_the_sweep_insert_in_one_order(home: Workspace) -> None:
    """Else two that take up the same at once could wait for each other."""
    names = ["c", "a", "d", "b"]
    now, epoch = timezone.now(), outbox.raise_epoch("test", 1)
    listed = [
        Listed(
            name, f"run-{name}", None, "letter", "q", RunStatus.RUNNING, now - timedelta(seconds=place), None
        )
        for place, name in enumerate(names)
    ]

    by_worker = _inserted(
        lambda: mirroring.take_up(home.namespace, [Met(name, f"run-{name}") for name in names])
    )
    Run.objects.all().delete()
    by_sweep = _inserted(lambda: discovering.adopt_listed(home.namespace, listed, epoch=epoch))

    assert by_worker == by_sweep == ["run-a", "run-b", "run-c", "run-d"]


def _inserted(deed: Callable[[], object]) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        deed()
    [insert] = [query["sql"] for query in queries if query["sql"].startswith('INSERT INTO "reviews_run"')]
    return re.findall(r"run-\w", insert)
