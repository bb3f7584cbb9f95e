"""What deployed agents did is what the code of today would do: every kept history replays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from tests.workflows.agents.saved import saved
from workflows import worker as workers
from workflows.registry import STANDARD


@pytest.fixture(scope="module")
def replayer() -> Replayer:
    return Replayer(workflows=STANDARD.workflows, workflow_runner=workers.runner())


@pytest.mark.parametrize("name", saved())
async def test_a_kept_history_replays(replayer: Replayer, name: str) -> None:
    await replayer.replay_workflow(history_of(saved()[name].read_text()))


def test_every_workflow_has_one_at_least() -> None:
    kept = {type_of(path) for path in saved().values()}
    assert {workflow._Definition.must_from_class(one).name for one in STANDARD.workflows} <= kept


async def test_a_changed_order_of_commands_is_found(replayer: Replayer) -> None:
    """The test above can fail."""
    path = next(path for path in saved().values() if type_of(path) == "research")
    text = path.read_text().replace("generate_plan", "another_activity")
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history_of(text))


def history_of(text: str) -> WorkflowHistory:
    """Under its own workflow id: children are named after it."""
    return WorkflowHistory.from_json(started(text)["workflowId"], text)


def type_of(path: Path) -> Any:
    return started(path.read_text())["workflowType"]["name"]


def started(text: str) -> Any:
    return json.loads(text)["events"][0]["workflowExecutionStartedEventAttributes"]
