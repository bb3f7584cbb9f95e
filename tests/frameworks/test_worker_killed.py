"""``manage.py worker --agents NAME`` as a process, killed while a person thinks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frameworks.conftest import Start
from tests.frameworks.test_support import LAMP
from tests.workflows.agents.test_refund import ledger
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import World, working


@pytest.fixture
def worker(world: World, name: str, tmp_path: Path) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(tmp_path / "worker.log", "--agents", name)
    yield worker
    worker.kill()


@pytest.mark.soak
async def test_another_worker_goes_on_with_the_answer(
    world: World, start: Start, demo: Demo, worker: WorkerProcess
) -> None:
    async with working(world):
        worker.start()
        handle = await start(LAMP)
        decision = await world.decide(await world.question(handle))
        worker.kill()
        await world.deliver(handle, decision)
        worker.start()
        assert "Paid 42.50" in (await handle.result())["answer"], worker.log.read_text()

    assert ledger(demo) == [(str(decision.id), 42.5)]
    assert "Traceback" not in (said := worker.log.read_text()) and "Warning" not in said, said
