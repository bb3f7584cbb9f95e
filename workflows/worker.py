"""The worker: stateless, serves the agents' queue and the queue by which any workflow reaches people."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import warnings
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from datetime import timedelta
from importlib import import_module

from django.db import DatabaseError
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkerDeploymentConfig, WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from reviews.runs import actions as runs
from reviews.runs import prices, rates
from workflows.activities.database import with_database
from workflows.contracts import HUMAN_QUEUE, AgentDescription
from workflows.engine.connect import connect_in_time
from workflows.limiting import LimitingInterceptor
from workflows.recording import Recorder, RecordingInterceptor
from workflows.registry import HUMAN_ACTIVITIES, STANDARD, Kit, kit

logger = logging.getLogger(__name__)

THREADS = 12
"""For the activities that use the database; fewer than its pool has connections."""
GRACE = timedelta(seconds=3)

PASSTHROUGH = ("workflows.contracts", "workflows.human", "workflows.shortening", "workflows.stubs")
"""They keep no state of their own, so each run need not import them anew."""


# More activities at once than threads is meant: a model's activity waits in the loop, not in a thread.
warnings.filterwarnings("ignore", message="Worker max_concurrent_activities")


async def run(agents: str = "") -> None:
    """Work until SIGTERM or SIGINT, then finish what can be finished within 3 s.

    ``agents`` names the kit; only the standard one comes with the queue by which workflows reach people.
    """
    served = kit(agents)
    check_settings()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    client = await connect_in_time()
    await register(client.namespace, served)
    recorder = Recorder(client.identity)
    with ThreadPoolExecutor(THREADS, thread_name_prefix="activity") as threads:
        async with AsyncExitStack() as workers:
            await workers.enter_async_context(agents_worker(client, threads, recorder, served))
            if served is STANDARD:
                await workers.enter_async_context(human_worker(client, threads, recorder))
            logger.info("Working on %s of %s", served.queue, client.namespace)
            await asyncio.to_thread(import_module, "workflows.llm.client")
            gc.freeze()  # a full collection, which stops all agents, need not look at what is imported
            await stop.wait()
    await close_clients()
    recorder.close()


async def close_clients() -> None:
    from workflows.llm import client

    await client.close_clients()


def agents_worker(
    client: Client, threads: ThreadPoolExecutor, recorder: Recorder, served: Kit = STANDARD
) -> Worker:
    return Worker(
        plugged(client, served),
        task_queue=served.queue,
        workflows=served.workflows,
        activities=served.activities,
        activity_executor=threads,
        max_concurrent_activities=int(os.environ.get("WORKER_ACTIVITIES", "50")),
        max_task_queue_activities_per_second=activities_per_second(),
        interceptors=[RecordingInterceptor(recorder), LimitingInterceptor()],
        workflow_runner=runner(served),
        deployment_config=deployment(os.environ),
        graceful_shutdown_timeout=GRACE,
        identity=client.identity,
    )


def activities_per_second() -> float | None:
    """What Temporal hands out of the agents' queue, to all workers together; None for as many as there are."""
    return float(os.environ.get("AGENTS_ACTIVITIES_PER_SECOND") or 0) or None


def plugged(client: Client, served: Kit) -> Client:
    """The same connection, with the kit's plugins; a worker takes them over from its client."""
    if not served.plugins:
        return client
    config = client.config()
    config["plugins"] = served.plugins
    return Client(**config)


def human_worker(client: Client, threads: ThreadPoolExecutor, recorder: Recorder) -> Worker:
    return Worker(
        client,
        task_queue=HUMAN_QUEUE,
        activities=HUMAN_ACTIVITIES,
        activity_executor=threads,
        max_concurrent_activities=THREADS,
        interceptors=[RecordingInterceptor(recorder)],
        graceful_shutdown_timeout=GRACE,
        identity=client.identity,
    )


def deployment(environment: Mapping[str, str]) -> WorkerDeploymentConfig | None:
    """Which version of which worker deployment this is, by the names that Temporal's worker controller sets.

    Workflows move to the deployment's current version at their next task: a run may wait for a person longer than
    anybody wants to keep an old worker. None without both names: the worker is unversioned.
    """
    name, build = (environment.get(one) for one in ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"))
    if not (name and build):
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(deployment_name=name, build_id=build),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.AUTO_UPGRADE,
    )


def check_settings() -> None:
    """Raises ``ImproperlyConfigured`` for a table that cannot be read: now, and not in the middle of a call."""
    prices.prices()
    rates.limits_of("")


def runner(served: Kit) -> WorkflowRunner:
    if served.sandboxed or os.environ.get("WORKER_SANDBOX") == "1":
        return sandbox(*served.passthrough)
    return UnsandboxedWorkflowRunner()


def sandbox(*passthrough: str) -> SandboxedWorkflowRunner:
    restrictions = SandboxRestrictions.default.with_passthrough_modules(*PASSTHROUGH, *passthrough)
    return SandboxedWorkflowRunner(restrictions=restrictions)


async def register(namespace: str, served: Kit = STANDARD) -> None:
    """Say what can be started here, as soon as the database is there."""
    for agent in served.agents:
        while True:
            try:
                await asyncio.to_thread(_register, namespace, agent)
                break
            except DatabaseError as error:
                logger.warning("Waiting for the database: %s", error)
                await asyncio.sleep(1)


def _register(namespace: str, agent: AgentDescription) -> None:
    with_database(runs.register_agent_type)(
        namespace,
        agent.name,
        title=agent.title,
        description=agent.description,
        queue=agent.queue,
        workflow_type=agent.workflow_type,
        input_schema=agent.input_schema,
        example=agent.example,
    )
