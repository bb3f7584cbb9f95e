"""The agents as the site runs them, with the demo model and the demo payments beside them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.workflows.agents.saved import keep
from tests.workflows.llm.conftest import Demo
from tests.workflows.worker_process import WorkerProcess
from tests.workflows.world import World, working
from workflows.llm.client import close_clients


@pytest.fixture(scope="session")
def shared_demo() -> Iterator[Demo]:
    demo = Demo("--latency", "0")
    yield demo
    demo.stop()


@pytest.fixture
def demo(shared_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """A model that answers at once and payments that are counted, both named by the environment."""
    shared_demo.control("reset").raise_for_status()
    shared_demo.http.post(f"{shared_demo.payments_url}/control", json={"reset": True}).raise_for_status()
    monkeypatch.setenv("OPENAI_BASE_URL", shared_demo.base_url)
    monkeypatch.setenv("AGENTSITE_DEMO_MODEL", "1")
    monkeypatch.setenv("PAYMENTS_URL", shared_demo.payments_url)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return shared_demo


@pytest_asyncio.fixture
async def agents(quiet_world: World, demo: Demo) -> AsyncIterator[World]:
    """A world in which the agents work. Whatever ran in it must replay."""
    async with working(quiet_world, agents=True):
        yield quiet_world
        await quiet_world.replay()
        await keep(quiet_world)
    await close_clients()


@pytest_asyncio.fixture
async def worker(quiet_world: World, demo: Demo, tmp_path: Path) -> AsyncIterator[WorkerProcess]:
    """Started and killed by the test. Whatever ran in its world must replay."""
    worker = WorkerProcess(tmp_path / "worker.log")
    yield worker
    worker.kill()
    await quiet_world.replay()
