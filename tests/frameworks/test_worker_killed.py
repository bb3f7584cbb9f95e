"""``manage.py worker --agents NAME`` as a process, killed while a person thinks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agentsite.child import die_with_parent
from agentsite.home import ROOT
from tests.frameworks.conftest import Start
from tests.frameworks.test_support import LAMP
from tests.workflows.agents.test_refund import ledger
from tests.workflows.bridge.conftest import database_url
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import World, working


@contextmanager
def worker(name: str, log: Path) -> Iterator[None]:
    """Killed at the end, without a word."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "worker", "--agents", name],
            cwd=ROOT,
            env=os.environ | {"DATABASE_URL": database_url()},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(signal.SIGKILL),
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.soak
async def test_another_worker_goes_on_with_the_answer(
    world: World, start: Start, name: str, demo: Demo, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    async with working(world):
        with worker(name, log):
            handle = await start(LAMP)
            decision = await world.decide(await world.question(handle))
        await world.deliver(handle, decision)
        with worker(name, log):
            assert "Paid 42.50" in (await handle.result())["answer"], log.read_text()

    assert ledger(demo) == [(str(decision.id), 42.5)]
    assert "Traceback" not in log.read_text() and "Warning" not in log.read_text(), log.read_text()
