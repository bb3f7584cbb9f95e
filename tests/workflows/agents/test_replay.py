"""What deployed agents did is what the code of today would do: every kept history replays."""

from __future__ import annotations

import pytest
from temporalio import workflow
from temporalio.worker import Replayer

from tests.workflows.agents.saved import history_of, of_a_machine, saved, type_of, without_history
from workflows import worker as workers
from workflows.registry import STANDARD


@pytest.fixture(scope="module")
def replayer() -> Replayer:
    return Replayer(workflows=STANDARD.workflows, workflow_runner=workers.sandbox())


@pytest.mark.parametrize("name", saved())
async def test_a_kept_history_replays(replayer: Replayer, name: str) -> None:
    await replayer.replay_workflow(history_of(saved()[name].read_text()))


def test_every_workflow_has_one_at_least() -> None:
    """The frameworks' have theirs in tests/frameworks."""
    assert without_history(STANDARD) == set()


def test_none_says_on_which_machine_it_was_made() -> None:
    assert {name: found for name, path in saved().items() if (found := of_a_machine(path.read_text()))} == {}


async def test_a_changed_order_of_commands_is_found(replayer: Replayer) -> None:
    """The test above can fail."""
    text = next(text for path in saved().values() if type_of(text := path.read_text()) == "research")
    with pytest.raises(workflow.NondeterminismError):
        await replayer.replay_workflow(history_of(text.replace("generate_plan", "another_activity")))
