"""The agents at work: their rate against the bare SDK's, the replay of a long history, a worker's memory."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psutil
import psycopg
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from agentsite.home import ROOT
from bench.bare_flow import ACTIVITIES, QUEUE, Bare
from bench.rows import Row
from tests.support.site import Site
from workflows.contracts import AGENTS_QUEUE

RUNS = 100
TURNS = 3
SHARE = 0.8
EVENTS = 10_000
SLOWER = 1.3
ROUNDS = 5
CACHED = 1_000
"""Workflows that a worker keeps in its memory by default."""
AT_ONCE = 50
ASKED = (
    "SELECT count(*) FROM reviews_escalation WHERE state = 'pending' AND workflow_id LIKE 'bench-memory-%'"
)


def measure(site: Site) -> list[Row]:
    control = site.model.removesuffix("/v1") + "/control"
    httpx.post(f"{control}/latency", json={"ms": 0}).raise_for_status()
    return asyncio.run(_measure(site))


async def _measure(site: Site) -> list[Row]:
    client = await Client.connect(site.temporal)
    with _bare_worker(site):
        await _rate(lambda: _finish(client, "bench-bare", [], QUEUE), 10)  # both workers are warm then
        await _rate(lambda: _research(client), 10)
        bare, ours = [], []
        for _ in range(TURNS):  # in turns, so that a noisy moment touches both
            bare.append(await _rate(lambda: _finish(client, "bench-bare", [], QUEUE), RUNS))
            ours.append(await _rate(lambda: _research(client), RUNS))
        floor, figure = max(bare), max(ours)
        replays = await _replays(site, client)
    rate = Row(
        "agents",
        f"activities a second, {RUNS} research runs at once",
        "/s",
        figure,
        SHARE * floor,
        f"≥ {SHARE} × the bare SDK's",
        floor,
        at_most=False,
    )
    return [rate, *replays, await _memory(site, client)]


async def _rate(run: Callable[[], Coroutine[Any, Any, None]], runs: int) -> float:
    """Activities a second."""
    began = time.perf_counter()
    await asyncio.gather(*(run() for _ in range(runs)))
    return runs * ACTIVITIES / (time.perf_counter() - began)


async def _research(client: Client) -> None:
    query = f"What is known about {uuid.uuid4().hex} in 5 tasks?"
    await _finish(client, "research", [{"query": query}], AGENTS_QUEUE)


async def _finish(client: Client, workflow: str, arguments: list[Any], queue: str) -> None:
    await client.execute_workflow(
        workflow, args=arguments, id=f"bench-{uuid.uuid4().hex}", task_queue=queue, result_type=None
    )


@contextmanager
def _bare_worker(site: Site) -> Iterator[None]:
    command = [sys.executable, "-m", "bench.bare_flow", site.temporal]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        yield
    finally:
        process.kill()
        process.wait()


async def _replays(site: Site, client: Client) -> list[Row]:
    """Both in this process, in turns: the replayer as the SDK makes it, and with our workers' runner."""
    id = f"bench-{uuid.uuid4().hex}"
    handle = await client.start_workflow(Bare.run, EVENTS // 6, id=id, task_queue=QUEUE)
    await handle.result()
    history = await handle.fetch_history()
    workers = _workers(site)
    bare, ours = (
        Replayer(workflows=[Bare]),
        Replayer(workflows=[Bare], workflow_runner=workers.runner()),
    )
    took: dict[Replayer, list[float]] = {bare: [], ours: []}
    for _ in range(ROUNDS):
        for replayer in took:
            took[replayer].append(await _replay(replayer, history))
    floor, figure = min(took[bare]), min(took[ours])
    what = f"replay of a history of {len(history.events)}"
    return [Row("agents", what, "ms", figure, SLOWER * floor, f"≤ {SLOWER} × the SDK's own replayer", floor)]


def _workers(site: Site) -> Any:
    """The module needs Django, which needs to know its database before it is imported."""
    os.environ |= {"DJANGO_SETTINGS_MODULE": "agentsite.settings", "DATABASE_URL": site.database}
    import django

    django.setup()
    from workflows import worker

    return worker


async def _replay(replayer: Replayer, history: WorkflowHistory) -> float:
    began = time.perf_counter()
    await replayer.replay_workflow(history)
    return (time.perf_counter() - began) * 1000


async def _memory(site: Site, client: Client) -> Row:
    """PSS of the site's worker with so many workflows that wait for a person."""
    arguments = [{"customer": "Bench", "amount": 1, "reason": "a measurement"}]
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(number: int) -> None:
        async with slots:
            id = f"bench-memory-{number}-{uuid.uuid4().hex[:8]}"
            await client.start_workflow("refund", args=arguments, id=id, task_queue=AGENTS_QUEUE)

    await asyncio.gather(*(ask(number) for number in range(CACHED)))
    with psycopg.connect(site.database, autocommit=True) as database:
        while database.execute(ASKED).fetchall()[0][0] < CACHED:
            await asyncio.sleep(1)
    memory = psutil.Process(site.children()["worker"].pid).memory_full_info().pss / 1e6
    return Row("agents", f"memory of a worker with {CACHED} cached workflows", "MB", memory, 1000, "reported")
