"""How soon the mirror looks again at a run that has just moved.

A look costs a call to Temporal and a transaction, whatever it finds. One run alone is looked at as soon as it moves,
and so is one that somebody watches. Of many others that move at once each is looked at less often, and a look finds
more.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from typing import Any

from reviews.runs.watching import LASTS
from workflows.bridge.together import together

WORTH_ASKING = 1.0
"""Seconds of rest from which on it is worth a call to hear of the run's end."""

Clock = Callable[[], float]


class Pace:
    """``looks`` a second, of all together, and ``at_once`` more after a quiet while; nobody waits over ``longest``
    seconds. They are given out in the order in which they are asked for.
    """

    def __init__(self, looks: float, at_once: int, longest: float, clock: Clock = time.monotonic) -> None:
        self._looks, self._at_once, self._longest = looks, at_once, longest
        self._clock = clock
        self._given_until = 0.0

    def rest(self) -> float:
        """Seconds until the next look of whoever asks."""
        now = self._clock()
        self._given_until = max(self._given_until, now - self._at_once / self._looks) + 1 / self._looks
        self._given_until = min(self._given_until, now + self._longest)
        return max(0.0, self._given_until - now)


class Turns:
    """Whose turn it is to be looked at."""

    def __init__(self, pace: Pace, clock: Clock = time.monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._watched: dict[uuid.UUID, float] = {}
        self._resting: dict[uuid.UUID, asyncio.Event] = {}

    def watch(self, run_id: uuid.UUID) -> None:
        """Somebody looks at this run: it need not wait, now and for a while."""
        now = self._clock()
        still = {id: until for id, until in self._watched.items() if until > now}
        self._watched = {**still, run_id: now + LASTS}  # a new one: other threads read it
        if run_id in self._resting:
            self._resting[run_id].set()

    @property
    def watched(self) -> set[uuid.UUID]:
        now = self._clock()
        return {id for id, until in self._watched.items() if until > now}

    async def wait(self, run_id: uuid.UUID, ended: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Until the run's next look; no longer than until it ``ended``, whose error is raised."""
        if self._watched.get(run_id, 0.0) > self._clock():
            return
        seconds = self._pace.rest()
        if not seconds:
            return
        watched = self._resting[run_id] = asyncio.Event()
        ways = [_set(watched)] + ([ended()] if seconds >= WORTH_ASKING else [])
        try:
            async with asyncio.timeout(seconds):
                await together(*ways)
        except TimeoutError:
            return
        finally:
            if self._resting.get(run_id) is watched:  # not that of a follower who came after
                del self._resting[run_id]


async def _set(event: asyncio.Event) -> None:
    await event.wait()
