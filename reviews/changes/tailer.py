"""One reader of the change log a process: it tells everybody here who listens, and knows how far it has read.

It reads while somebody listens and a little longer; nobody looking costs nothing. What it sees it tells at once,
also above the horizon, where a late commit may still come between: a word too early costs a look, one too late
would be a lie. The place that it gives out stays below the horizon, so that going on from it misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

import psycopg

from reviews.changes.cursors import Cursor, Place
from reviews.changes.models import CHANNEL
from reviews.changes.queries import HORIZON, READ, Line
from reviews.connections import direct_address

logger = logging.getLogger(__name__)
POLL = 1.0
"""Seconds between two looks where nothing was notified: a notification may come before its line can be read."""
UNSETTLED = 0.02
"""The same while lines stand above the horizon."""
IDLE = 60.0
"""So long it goes on reading after the last listener left: pages that come meanwhile know their place."""
MANY = 5_000
FIRST_WAIT, LONGEST_WAIT = 0.1, 2.0


class Listener(Protocol):
    def hear(self, subject: str) -> None:
        """``subject`` is ``topic:id``. Called in the event loop; has to return at once."""


class Tailer:
    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._cluster = ""
        self._place: Place | None = None
        self._ahead: set[Place] = set()
        self._task: asyncio.Task[None] | None = None
        self._left_at = 0.0

    @property
    def cursor(self) -> str:
        """Everything up to here was told, and is seen by every query that starts from now on. Empty: not known."""
        place = self._place  # asked for from other threads
        return str(Cursor(self._cluster, place)) if place is not None else ""

    def listen(self, listener: Listener, subjects: Iterable[str]) -> None:
        for subject in subjects:
            self._listeners.setdefault(subject, set()).add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def leave(self, listener: Listener, subjects: Iterable[str]) -> None:
        for subject in subjects:
            heard = self._listeners.get(subject)
            if heard is None:
                continue
            heard.discard(listener)
            if not heard:
                del self._listeners[subject]
        if not self._listeners:
            self._left_at = asyncio.get_running_loop().time()

    async def ready(self) -> None:
        """Until it has a place to go on from."""
        while self._place is None:
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Before its event loop ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        self._listeners.clear()

    def _is_wanted(self) -> bool:
        return bool(self._listeners) or asyncio.get_running_loop().time() - self._left_at < IDLE

    async def _run(self) -> None:
        wait = FIRST_WAIT
        try:
            while self._is_wanted():
                try:
                    async with await psycopg.AsyncConnection.connect(
                        direct_address("agentsite-web"), autocommit=True
                    ) as connection:
                        await self._follow(connection)
                        wait = FIRST_WAIT
                except (psycopg.Error, OSError) as error:
                    logger.warning("The change log cannot be read: %s", str(error).partition("\n")[0])
                    await asyncio.sleep(wait)
                    wait = min(wait * 2, LONGEST_WAIT)
        finally:
            self._place = None

    async def _follow(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        await self._begin(connection)
        while self._is_wanted():
            unsettled = await self._read(connection)
            async for _ in connection.notifies(timeout=UNSETTLED if unsettled else POLL, stop_after=1):
                pass

    async def _begin(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
        """At the horizon; after a lost connection where it was, unless this is another cluster."""
        [found] = await (await connection.execute(HORIZON)).fetchall()
        cluster, horizon = str(found[0]), int(str(found[1]))
        if self._place is None or cluster != self._cluster or self._place.transaction_id > horizon:
            self._ahead.clear()
            self._place = Place(horizon - 1, 2**62)
            self._cluster = cluster

    async def _read(self, connection: psycopg.AsyncConnection[tuple[object, ...]]) -> bool:
        """Tell what is new. Whether something stands above the horizon, or there is more than was read."""
        assert self._place is not None
        rows = await (
            await connection.execute(READ, (str(self._place.transaction_id), self._place.change_id, MANY))
        ).fetchall()
        lines = [
            Line(Place(int(str(xid)), int(str(id))), str(subject), bool(settled))
            for xid, id, subject, settled in rows
        ]
        for subject in dict.fromkeys(line.subject for line in lines if line.place not in self._ahead):
            for listener in list(self._listeners.get(subject, ())):
                listener.hear(subject)
        self._ahead = {line.place for line in lines if not line.settled}
        settled_lines = [line for line in lines if line.settled]
        if settled_lines:
            self._place = settled_lines[-1].place
        return len(settled_lines) < len(lines) or len(lines) == MANY


tailer = Tailer()
"""The one of this process."""
