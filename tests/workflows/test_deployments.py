"""A new version of a deployed agent: runs that wait for a person survive it, and two versions work side by side."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest_asyncio
from temporalio.api.workflowservice.v1 import SetWorkerDeploymentCurrentVersionRequest
from temporalio.service import RPCError
from temporalio.worker import Worker

from tests.workflows.versions import VERSIONS
from tests.workflows.world import World, until
from workflows import worker as workers
from workflows.recording import Recorder


class Deployment:
    """A worker deployment on the world's queue; workers of its versions come and go."""

    def __init__(self, world: World) -> None:
        self.world, self.name = world, f"agents-{uuid.uuid4().hex[:8]}"

    @asynccontextmanager
    async def version(self, build: str) -> AsyncIterator[None]:
        """A worker of this version, which is the current one from now on."""
        names = {"TEMPORAL_DEPLOYMENT_NAME": self.name, "TEMPORAL_WORKER_BUILD_ID": build}
        async with Worker(
            self.world.client,
            task_queue=self.world.queue,
            workflows=VERSIONS[build],
            workflow_runner=workers.sandbox(),
            graceful_shutdown_timeout=timedelta(0),
            deployment_config=workers.deployment(names),
        ):
            await until(lambda: self._make_current(build), f"version {build} is current")
            yield

    async def _make_current(self, build: str) -> bool:
        """As ``temporal worker deployment set-current-version`` does, once the server has seen the version poll."""
        client = self.world.client
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=client.namespace, deployment_name=self.name, build_id=build, identity="test"
        )
        try:
            await client.workflow_service.set_worker_deployment_current_version(request)
        except RPCError:
            return False
        return True


@pytest_asyncio.fixture
async def desk(quiet_world: World) -> AsyncIterator[World]:
    """Only the queue by which workflows reach people is served: it is nobody's version."""
    recorder = Recorder("test")
    with ThreadPoolExecutor(4) as threads:
        async with workers.human_worker(quiet_world.client, threads, recorder):
            yield quiet_world
    recorder.close()


async def test_runs_that_wait_for_a_person_survive_a_new_deployment(desk: World) -> None:
    deployment = Deployment(desk)
    async with deployment.version("1"):
        moves, stays = [await desk.start(name) for name in ("upgraded", "pinned")]
        waiting = [(handle, await desk.question(handle)) for handle in (moves, stays)]
        async with deployment.version("2"):
            fresh = await desk.start("upgraded")
            for handle, question in (*waiting, (fresh, await desk.question(fresh))):
                await desk.deliver(handle, await desk.decide(question))

            assert await fresh.result() == {"version": "2", "verdict": "approve", "patched": True}
            assert await moves.result() == {"version": "2", "verdict": "approve", "patched": False}
            assert await stays.result() == {"version": "1", "verdict": "approve", "patched": False}


async def test_the_old_worker_may_be_gone_while_nobody_has_answered(desk: World) -> None:
    deployment = Deployment(desk)
    async with deployment.version("1"):
        run = await desk.start("upgraded")
        question = await desk.question(run)
    async with deployment.version("2"):
        await desk.deliver(run, await desk.decide(question))
        assert await run.result() == {"version": "2", "verdict": "approve", "patched": False}


def test_a_worker_without_both_names_is_unversioned() -> None:
    assert workers.deployment({}) is None
    assert workers.deployment({"TEMPORAL_DEPLOYMENT_NAME": "agents"}) is None
