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
from itertools import pairwise
from typing import Any

import httpx
import psutil
import psycopg
from temporalio.client import Client, WorkflowHistory
from temporalio.worker import Replayer

from agentsite.home import ROOT
from bench.bare_flow import ACTIVITIES, ASKING, QUEUE, Bare
from bench.rows import Row
from tests.support.site import Site
from workflows.contracts import AGENTS_QUEUE

RUNS = 100
TURNS = 7
TURNS_REPORTED = 3
SHARE = 0.8
EVENTS = 10_000
SLOWER = 1.3
ROUNDS = 5
CACHED = 1_000
"""Workflows that a worker keeps in its memory by default."""
AT_ONCE = 50
Run = Callable[[], Coroutine[Any, Any, None]]
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
        rates = await _rates(client)
        replays = await _replays(site, client)
    return [*rates, *replays, await _memory(site, client)]


async def _rates(client: Client) -> list[Row]:
    """By turns with what each is compared with, so that both have the machine's pace of the moment."""
    runs: dict[str, Run] = {
        "empty": lambda: _finish(client, "bench-bare", [], QUEUE),
        "asking": lambda: _finish(client, "bench-bare", [ACTIVITIES, ASKING], QUEUE),
        "research": lambda: _research(client),
    }
    for run in runs.values():
        await _rate(run, 10)  # the workers are warm then
    empty, figure = await _between(runs["empty"], runs["research"], TURNS)
    asking, beside = await _between(runs["asking"], runs["research"], TURNS_REPORTED)
    what = f"activities a second, {RUNS} research runs at once"
    budget = f"≥ {SHARE} × the bare SDK's, empty"
    same = "reported; floor: the bare SDK with openai's client"
    return [
        Row("agents", what, "/s", figure, SHARE * empty, budget, empty, at_most=False),
        Row(
            "agents", f"{what}, against {ASKING} streamed calls", "/s", beside, 0, same, asking, at_most=False
        ),
    ]


async def _between(floor: Run, ours: Run, turns: int) -> tuple[float, float]:
    """The floor's rate, before and after ours, and ours; of the turn in the middle by its ratio."""
    floors, rates = [await _rate(floor, RUNS)], list[float]()
    for _ in range(turns):
        rates.append(await _rate(ours, RUNS))
        floors.append(await _rate(floor, RUNS))
    around = [(before + after) / 2 for before, after in pairwise(floors)]
    return sorted(zip(around, rates, strict=True), key=lambda turn: turn[1] / turn[0])[turns // 2]


async def _rate(run: Run, runs: int) -> float:
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
    environment = os.environ | {"OPENAI_BASE_URL": site.model, "OPENAI_API_KEY": "unset"}
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment)
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
        Replayer(workflows=[Bare], workflow_runner=workers.runner(workers.STANDARD)),
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
