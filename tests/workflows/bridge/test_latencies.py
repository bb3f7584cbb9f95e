"""Latencies and timeouts against real histories: each activity that completed is counted once, as it was set."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Sum
from temporalio.api.enums.v1 import EventType

from reviews.runs.latencies import Timeouts, bound
from reviews.runs.models import ActivityLatency, ActivityTimeouts
from tests.workflows.bridge.parts import active, mirrored
from tests.workflows.flows import Ask, AskOne
from tests.workflows.world import Handle, World
from workflows.bridge.database import in_database

ENDED = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED


async def counted() -> dict[str, int]:
    def read() -> dict[str, int]:
        totals = ActivityLatency.objects.values("activity_type").annotate(total=Sum("count"))
        return {row["activity_type"]: row["total"] for row in totals}

    return await in_database(read)


async def answered(world: World, handle: Handle) -> None:
    await world.decide(await world.question(handle))
    await handle.result()


async def test_each_completed_activity_is_counted_once_with_its_timeouts(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    async with active(world, mirror=True, courier=True):
        await answered(world, handle)
        await mirrored(handle)

    assert sum((await counted()).values()) == len(await world.events(handle, ENDED))
    assert await counted() == {"ask": 1, "acknowledge": 1}
    [scheduled, *_] = await world.events(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    attributes = scheduled.activity_task_scheduled_event_attributes
    noted = await in_database(ActivityTimeouts.objects.get, namespace="default", activity_type="ask")
    set_by_workflow = attributes.start_to_close_timeout.ToTimedelta()
    assert noted.start_to_close == set_by_workflow == timedelta(seconds=10)
    assert noted.heartbeat is None
    assert Timeouts(schedule_to_close=noted.schedule_to_close) == Timeouts(
        schedule_to_close=attributes.schedule_to_close_timeout.ToTimedelta() or None
    )
    longest = await in_database(ActivityLatency.objects.order_by("bucket").last)
    assert longest is not None
    assert bound(longest.bucket) < timedelta(seconds=30)


async def test_what_a_reset_copied_was_counted_in_the_base_run(world: World) -> None:
    handle = await world.start(AskOne.run, Ask())
    async with active(world, mirror=True, courier=True):
        kept = await world.after_asks(handle)
        await mirrored(handle, closed=False)
        fresh = await world.reset(handle, kept)
        await answered(world, fresh)
        await mirrored(handle)
        await mirrored(fresh)
    assert len(await world.events(fresh, ENDED)) == 2, "the copied ask, and what came after"
    assert await counted() == {"ask": 1, "acknowledge": 1}
