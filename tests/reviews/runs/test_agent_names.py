"""A run that nobody started here has the name its workflow type is registered under, whoever meets it first."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.outbox import actions as outbox
from reviews.runs import discovering, mirroring
from reviews.runs.actions import register_agent_type
from reviews.runs.discovering import Listed
from reviews.runs.models import Run, RunStatus
from reviews.workspaces.models import Workspace


def met_by_a_worker(home: Workspace, workflow_type: str) -> Run:
    return mirroring.adopt(home.namespace, "a-letter", "first", workflow_type=workflow_type, queue="letters")


def met_in_a_list(home: Workspace, workflow_type: str) -> Run:
    started = timezone.now() - timedelta(seconds=60)
    listed = Listed("a-letter", "first", "first", workflow_type, "letters", RunStatus.RUNNING, started, None)
    discovering.take_in(home.namespace, [listed], epoch=outbox.raise_epoch("test", 1))
    return Run.objects.get(workflow_id="a-letter")


@pytest.fixture(params=[met_by_a_worker, met_in_a_list])
def meet(request: pytest.FixtureRequest) -> Callable[[Workspace, str], Run]:
    met: Callable[[Workspace, str], Run] = request.param
    return met


def register(namespace: str, name: str) -> None:
    words = {"title": name, "description": "", "queue": "letters", "workflow_type": "LetterWorkflow"}
    register_agent_type(namespace, name, **words, input_schema={}, example={})


def test_it_is_the_registered_one(home: Workspace, meet: Callable[[Workspace, str], Run]) -> None:
    register(home.namespace, "letters")
    register(home.namespace, "answers")
    register("elsewhere", "a-stranger")

    run = meet(home, "LetterWorkflow")

    assert (run.agent, run.workflow_type) == ("answers", "LetterWorkflow")


def test_it_is_the_type_that_nobody_registered(
    home: Workspace, meet: Callable[[Workspace, str], Run]
) -> None:
    run = meet(home, "Letter\x00" * 100)

    assert run.agent == ("Letter\ufffd" * 100)[:100]
    assert run.workflow_type == ("Letter\ufffd" * 100)[:255]
