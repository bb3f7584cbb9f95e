"""One run is looked at as soon as it moves; of many each a little later, and none is forgotten."""

from __future__ import annotations

import asyncio
import uuid
from functools import partial

import pytest
from django.db import connection

from reviews.runs import watching
from reviews.runs.watching import LASTS
from tests.workflows.bridge.parts import active, adopt, mirrored, row
from tests.workflows.flows import EndAs
from tests.workflows.world import World, until
from workflows.bridge import mirror as mirroring
from workflows.bridge.database import in_database
from workflows.bridge.mirror import LOOKS_AT_EACH
from workflows.bridge.pace import Pace, Turns

LOOKS, AT_ONCE, LONGEST = (LOOKS_AT_EACH.keywords[name] for name in ("looks", "at_once", "longest"))
RUN = uuid.uuid4()


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Ends:
    """How a run ends, and whether anybody asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.now = asyncio.Event()

    async def __call__(self) -> None:
        self.asked += 1
        await self.now.wait()


def test_who_moves_alone_is_looked_at_at_once() -> None:
    clock = Clock()
    pace = LOOKS_AT_EACH(clock=clock)
    for _ in range(100):
        assert pace.rest() == 0
        clock.now += 1 / LOOKS


def test_many_wait_for_their_turn_and_none_too_long() -> None:
    pace = LOOKS_AT_EACH(clock=Clock())
    rests = [pace.rest() for _ in range(1000)]
    assert rests[:AT_ONCE] == pytest.approx([0] * AT_ONCE)
    assert rests == sorted(rests)
    assert round(rests[AT_ONCE + 9], 6) == round(10 / LOOKS, 6)
    assert rests[-1] == LONGEST


def test_after_a_quiet_while_nobody_waits() -> None:
    clock = Clock()
    pace = LOOKS_AT_EACH(clock=clock)
    for _ in range(1000):
        pace.rest()
    clock.now += LONGEST + AT_ONCE / LOOKS
    assert [pace.rest() for _ in range(AT_ONCE)] == pytest.approx([0] * AT_ONCE)
    assert pace.rest() > 0.01


def crowded(clock: Clock) -> Turns:
    """So many move that everybody waits for half an hour."""
    return Turns(Pace(looks=1 / 1800, at_once=0, longest=1800, clock=clock), clock)


async def test_who_is_watched_waits_for_nobody() -> None:
    clock, end = Clock(), Ends()
    turns = crowded(clock)
    turns.watch(RUN)
    await asyncio.wait_for(turns.wait(RUN, end), 10)
    assert (turns.watched, end.asked) == ({RUN}, 0)

    clock.now += LASTS + 1
    assert turns.watched == set()
    waiting = asyncio.create_task(turns.wait(RUN, end))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    turns.watch(uuid.uuid4())
    await asyncio.sleep(0.05)
    assert not waiting.done()
    turns.watch(RUN)
    await asyncio.wait_for(waiting, 10)


async def test_who_ends_waits_no_longer_and_an_error_on_the_way_is_told() -> None:
    end = Ends()
    turns = crowded(Clock())
    waiting = asyncio.create_task(turns.wait(RUN, end))
    await asyncio.sleep(0.05)
    assert (waiting.done(), end.asked) == (False, 1)
    end.now.set()
    await asyncio.wait_for(waiting, 10)

    async def breaks() -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await asyncio.wait_for(turns.wait(RUN, breaks), 10)


async def test_a_follower_that_ends_late_takes_nothing_from_the_next() -> None:
    turns = crowded(Clock())
    first, second = [asyncio.create_task(turns.wait(RUN, Ends())) for _ in range(2)]
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.wait([first], timeout=10)
    turns.watch(RUN)
    await asyncio.wait_for(second, 10)


async def test_for_a_short_rest_nobody_is_asked() -> None:
    end = Ends()
    await Turns(Pace(looks=100, at_once=0, longest=0.01)).wait(RUN, end)
    assert end.asked == 0


def nonsense() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, 'nonsense')", [watching.CHANNEL])


async def test_what_somebody_looks_at_is_mirrored_at_once_however_many_others_move(
    quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is an end, whoever looks; but not what happens to a run of which nobody wants to know."""
    monkeypatch.setattr(mirroring, "LOOKS_AT_EACH", partial(Pace, looks=1 / 1800, at_once=0, longest=1800))
    monkeypatch.setattr(mirroring, "LOOK_AGAIN", 0.2)
    world = quiet_world
    handle = await world.start(EndAs.run, "wait")
    run = await adopt(world, handle)
    async with active(world, mirror=True):
        seen = (await mirrored(handle, closed=False)).last_event_id
        await handle.signal("please")
        await asyncio.sleep(1)
        assert (await row(run)).last_event_id == seen
        await in_database(nonsense)
        await in_database(watching.watch, [run.id])

        async def signaled() -> bool:
            return (await row(run)).last_event_id > seen

        await until(signaled, "what somebody looks at is there")
        await handle.terminate(reason="enough")
        await mirrored(handle)

        ends = await world.start(EndAs.run, "wait")
        await adopt(world, ends)
        await mirrored(ends, closed=False)
        await ends.terminate(reason="enough")
        await mirrored(ends)


async def test_what_somebody_looks_at_is_followed_when_more_move_than_can_be(
    quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirroring, "AT_MOST", 1)
    world = quiet_world
    handle, other = [await world.start(EndAs.run, "wait") for _ in range(2)]
    run, moved = await adopt(world, handle), await adopt(world, other)
    async with active(world, mirror=True) as parts:
        await until(
            lambda: asyncio.sleep(0, parts.mirror.is_following(moved)), "the last to move is followed"
        )
        assert not parts.mirror.is_following(run)
        await in_database(watching.watch, [run.id])
        await until(lambda: asyncio.sleep(0, parts.mirror.is_following(run)), "it is followed")
