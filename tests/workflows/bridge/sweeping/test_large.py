"""Histories that are long, heavy or from the future, and many at once."""

from __future__ import annotations

import asyncio
import uuid

import pytest
from temporalio import activity, workflow
from temporalio.api.common.v1 import Payload
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from reviews.runs import ingesting, queries
from reviews.runs.chunks import EVENTS, raw_of
from reviews.runs.models import HistoryChunk, Run
from tests.workflows.bridge.parts import active, adopt, die, killed, mirrored
from tests.workflows.bridge.sweeping.test_foreign import whole
from tests.workflows.bridge.test_mirror import assert_same, steps
from tests.workflows.flows import EndAs, EveryStep
from tests.workflows.foreign import SOON
from tests.workflows.world import Handle, World, until
from workflows.bridge import mirror as mirrors
from workflows.bridge.checking import lasting_differences
from workflows.bridge.database import in_database
from workflows.bridge.reprojecting import project_again
from workflows.engine.projection import project

MUCH = 1_900_000
"""Bytes, somewhat less than what a server takes as one payload."""


@activity.defn(name="much")
async def much(number: int) -> str:
    return chr(97 + number) * MUCH


@workflow.defn(name="heavy")
class Heavy:
    """Results of 2 MB each, and after them many short timers."""

    @workflow.run
    async def run(self, results: int, timers: int) -> int:
        total = 0
        for number in range(results):
            text: str = await workflow.execute_activity(much, number, start_to_close_timeout=SOON)
            total += len(text)
        while timers > 0:  # more in one workflow task than a worker decides within its 10 s would never end
            await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(min(timers, 400))))
            timers -= 400
        return total


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workflows.bridge.sweep.EVERY", 0.3)


@pytest.mark.parametrize(
    ("results", "timers"),
    [(3, 800), pytest.param(20, 24_000, id="50,000 events, 40 MB", marks=pytest.mark.soak)],
)
async def test_a_heavy_history_is_kept_byte_for_byte_in_small_pieces(
    world: World, results: int, timers: int
) -> None:
    queue = f"heavy-{uuid.uuid4().hex[:8]}"
    worker = Worker(
        world.client,
        task_queue=queue,
        workflows=[Heavy],
        activities=[much],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )
    async with worker, active(world, mirror=True, sweep=True):
        handle = await world.client.start_workflow(
            Heavy.run, args=[results, timers], id=queue, task_queue=queue
        )
        assert await handle.result() == results * MUCH
        [run] = await whole(queue)
        assert await lasting_differences(world.client, patience=60, deep=True) == []
    assert run.history_bytes > results * MUCH
    assert run.last_event_id > 2 * timers
    pieces = await in_database(lambda: list(HistoryChunk.objects.filter(run=run)))
    assert all(piece.last_event - piece.first_event < EVENTS for piece in pieces)
    assert len(pieces) < run.last_event_id / EVENTS * 2 + 10
    results_shown = [step["result"] for step in await steps(run) if step["name"] == "much"]
    assert results_shown == [{"encoding": "json/plain", "bytes": MUCH + 2}] * results, "said to be there"


@pytest.mark.parametrize("count", [120, pytest.param(1000, marks=pytest.mark.soak)])
async def test_many_runs_that_start_at_once_are_all_mirrored(
    world: World, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(mirrors, "AT_MOST", count // 3)
    async with active(world, mirror=True, sweep=True):
        handles = await asyncio.gather(*(world.start(EndAs.run, "complete") for _ in range(count)))
        mine = Run.objects.filter(workflow_id__in=[handle.id for handle in handles])

        async def all_whole() -> bool:
            return await in_database(mine.filter(history_whole=True).count) == count

        await until(all_whole, "all are whole", timeout=300)
        assert await lasting_differences(world.client, patience=30) == []
    world.started.clear()  # replaying so many shows nothing more


async def all_of_it(handle: Handle) -> None:
    await handle.execute_update(EveryStep.count, 1)
    await handle.signal(EveryStep.please, {"one": "argument"})


async def test_a_bridge_that_dies_while_it_takes_a_history_in_leaves_nothing_half_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    handle = await world.start(EveryStep.run)
    run = await adopt(world, handle)
    async with killed(world):
        await mirrored(handle, closed=False)
        monkeypatch.setattr(ingesting, "_take_over", die)
        await all_of_it(handle)
    monkeypatch.undo()
    before = await in_database(Run.objects.get, id=run.id)
    chunks = await in_database(lambda: list(HistoryChunk.objects.filter(run=run)))
    assert chunks[-1].last_event == before.last_event_id
    async with active(world, mirror=True):
        await assert_same(world, handle, await mirrored(handle))


async def test_projecting_again_gives_the_same_steps_and_counts_nothing_twice(world: World) -> None:
    handle = await world.start(EveryStep.run)
    await adopt(world, handle)
    async with active(world, mirror=True):
        await all_of_it(handle)
        run = await mirrored(handle)
    before = [{**step, "id": 0} for step in await steps(run)]
    latencies = await in_database(_latencies)
    assert await in_database(project_again, run.id) == len(before) > 5
    assert [{**step, "id": 0} for step in await steps(run)] == before
    assert await in_database(_latencies) == latencies
    await assert_same(world, handle, await mirrored(handle))


def _latencies() -> list[tuple[str, int]]:
    from reviews.runs.models import ActivityLatency

    return list(
        ActivityLatency.objects.order_by("activity_type", "bucket").values_list("activity_type", "count")
    )


async def test_payloads_of_unknown_encodings_are_shown_raw(world: World) -> None:
    handle = await world.start(EndAs.run, "wait")
    await adopt(world, handle)
    strange = Payload(metadata={"encoding": b"binary/from-mars"}, data=b"\x00\xff")
    await world.send(handle, strange, name="odd")
    await handle.terminate(reason="the end")
    async with active(world, mirror=True):
        run = await mirrored(handle)
    [signal] = await steps(run)
    assert signal["input"] == {"encoding": "binary/from-mars", "data": "AP8="}
    await assert_same(world, handle, run)


def test_events_of_a_newer_server_break_nothing() -> None:
    """As its bytes come: a type of a number that nobody here knows, with attributes that nobody can read."""
    known = HistoryEvent(event_id=1, event_type=3)  # type: ignore[arg-type]
    from_tomorrow = HistoryEvent.FromString(known.SerializeToString() + b"\xaa\x7d\x03abc")
    from_tomorrow.event_id = 2
    from_tomorrow.event_type = 999  # type: ignore[assignment]
    seen = project([known, from_tomorrow], already=0)
    assert seen is not None
    assert (seen.first_event, seen.last_event, seen.steps) == (1, 2, [])
    kept = History.FromString(raw_of(seen.chunks[0].data))
    assert kept.events[1].SerializeToString() == from_tomorrow.SerializeToString()
    shown = list(queries.engine().events(seen.chunks[0].data))
    assert shown[1]["type"] == "999"
