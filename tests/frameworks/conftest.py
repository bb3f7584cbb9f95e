"""Agents made with frameworks, each in a worker as ``manage.py worker --agents NAME`` runs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.worker import Replayer

from tests.workflows.agents.conftest import demo, shared_demo
from tests.workflows.agents.saved import keep
from tests.workflows.conftest import bob, quiet_world, workspace
from tests.workflows.world import Handle, World
from workflows import registry
from workflows import worker as workers
from workflows.llm.client import close_clients
from workflows.recording import Recorder
from workflows.registry import kit

__all__ = ["bob", "demo", "quiet_world", "shared_demo", "workspace"]

KITS = tuple(name for name in registry.KITS if name)
"""All but the standard one, whose agents are tested in tests/workflows/agents."""
HISTORIES = Path(__file__).parent / "histories"
"""Kept ones, in a folder for each kit."""

Serving = Callable[[], AbstractAsyncContextManager[None]]
Start = Callable[[str], Awaitable[Handle]]


@pytest.fixture(params=KITS)
def name(request: pytest.FixtureRequest) -> str:
    """The kit's."""
    return str(request.param)


@pytest_asyncio.fixture
async def world(quiet_world: World, demo: object, name: str) -> AsyncIterator[World]:
    """Nobody works in it yet. Whatever ran in it must replay."""
    yield quiet_world
    today = replayer(name)
    for handle in quiet_world.started:
        await today.replay_workflow(await handle.fetch_history())
    await keep(quiet_world, HISTORIES / name)
    await close_clients()


def replayer(name: str) -> Replayer:
    """With the sandbox and the plugins of the kit's worker; what reads its payloads comes from the plugins."""
    served = kit(name)
    return Replayer(
        workflows=served.workflows,
        workflow_runner=workers.sandbox(*served.passthrough),
        plugins=served.plugins,
    )


@pytest.fixture
def serving(world: World, name: str) -> Serving:
    """Workers for the kit and for people. Each is a new one, which remembers nothing."""

    @asynccontextmanager
    async def serve() -> AsyncIterator[None]:
        recorder = Recorder("test")
        with ThreadPoolExecutor(workers.THREADS) as threads:
            async with (
                workers.human_worker(world.client, threads, recorder),
                workers.agents_worker(world.client, threads, recorder, kit(name)),
            ):
                yield
        recorder.close()

    return serve


@pytest.fixture
def start(world: World, name: str) -> Start:
    """Start the kit's agent with what a customer writes."""

    async def started(request: str) -> Handle:
        return await world.start(f"support-{name}", {"request": request}, task_queue=f"support-{name}")

    return started
