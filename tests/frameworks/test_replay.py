"""A framework's newer version, or ours, does what the one before did: every kept history of its agent replays.

``KEEP_HISTORIES=1`` before the other tests here adds shapes that are not kept yet (tests/workflows/agents/saved.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from temporalio import workflow

from tests.frameworks.conftest import HISTORIES, KITS, replayer
from tests.workflows.agents.saved import history_of, of_a_machine, saved, without_history
from workflows import worker as workers
from workflows.engine.connect import connect
from workflows.registry import kit

KEPT = [(name, path) for name in KITS for path in saved(HISTORIES / name).values()]


@pytest.mark.parametrize(("name", "path"), KEPT, ids=[path.stem for _, path in KEPT])
async def test_a_kept_history_replays(name: str, path: Path) -> None:
    await replayer(name).replay_workflow(history_of(path.read_text()))


def test_every_workflow_has_one_at_least(name: str) -> None:
    assert without_history(kit(name), HISTORIES / name) == set()


def test_none_says_on_which_machine_it_was_made() -> None:
    assert {path.stem: found for _, path in KEPT if (found := of_a_machine(path.read_text()))} == {}


async def test_a_changed_order_of_commands_is_found(name: str) -> None:
    """The tests above can fail."""
    texts = [path.read_text() for path in saved(HISTORIES / name).values()]
    text = next(text for text in texts if "find_order" in text)
    with pytest.raises(workflow.NondeterminismError):
        await replayer(name).replay_workflow(history_of(text.replace("find_order", "another_activity")))


async def test_payloads_are_read_as_the_worker_reads_them(name: str) -> None:
    worker = workers.plugged(await connect(lazy=True), kit(name)).data_converter
    replaying = replayer(name).config(active_config=True)["data_converter"]
    assert replaying.payload_converter_class is worker.payload_converter_class
    assert replaying.failure_converter_class is worker.failure_converter_class
