"""Which bridge is active: a session advisory lock on a direct connection, and an epoch that only rises.

The lock dies with its connection, so a standby takes over at once. A holder that is frozen keeps its
connection; after 15 s of silence the standby ends its backend, and the epoch keeps its late writes out.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import psycopg
from django.db import DatabaseError

from reviews.changes.models import CHANNEL as CHANGES
from reviews.connections import direct_address
from reviews.outbox import actions as outbox
from reviews.outbox.actions import CHANNEL as OUTBOX
from reviews.outbox.actions import StaleEpoch
from reviews.runs.watching import CHANNEL as WATCHED
from workflows.bridge.database import in_database
from workflows.bridge.together import together

logger = logging.getLogger(__name__)
LOCK = 0x61676E74  # "agnt"
BEAT = 2.0
SILENCE = 15.0
LOOK = 0.1


class LeaseLost(Exception):
    """Another bridge is active, or the connection that held the lock died: stop at once."""


class Lease:
    """The right to be the bridge, and the wake-up calls that come over its connection."""

    def __init__(self, connection: psycopg.AsyncConnection[tuple[object, ...]], epoch: int) -> None:
        self._connection = connection
        self.epoch = epoch
        self.outbox_moved = asyncio.Event()
        self.something_changed = asyncio.Event()
        self.on_watched: Callable[[uuid.UUID], None] = lambda _: None

    async def keep(self) -> None:
        """Beat and listen until the lease is lost. Raises :class:`LeaseLost`."""
        try:
            await together(self._beat(), self._listen())
        except (psycopg.Error, DatabaseError, StaleEpoch) as error:
            raise LeaseLost(str(error)) from error

    async def _beat(self) -> None:
        while True:
            await in_database(outbox.beat, self.epoch)
            await asyncio.sleep(BEAT)

    async def _listen(self) -> None:
        async for notice in self._connection.notifies():
            if notice.channel == WATCHED:
                with suppress(ValueError):  # whoever may connect may say anything
                    self.on_watched(uuid.UUID(notice.payload))
                continue
            self.something_changed.set()
            if notice.channel == OUTBOX:
                self.outbox_moved.set()
        raise LeaseLost("the connection that holds the lock was closed")


@asynccontextmanager
async def lease() -> AsyncIterator[Lease]:
    """Wait for the lock, then raise the epoch."""
    async with await psycopg.AsyncConnection.connect(
        direct_address("agentsite-bridge"), autocommit=True
    ) as connection:
        await _take_lock(connection)
        holder = f"{socket.gethostname()}:{os.getpid()}"
        epoch = await in_database(outbox.raise_epoch, holder, connection.info.backend_pid)
        await connection.execute(f"LISTEN {OUTBOX}")
        await connection.execute(f"LISTEN {CHANGES}")
        await connection.execute(f"LISTEN {WATCHED}")
        logger.info("This bridge is active, epoch %d", epoch)
        yield Lease(connection, epoch)


async def _take_lock(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    said = False
    while True:
        cursor = await connection.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        row = await cursor.fetchone()
        if row and row[0]:
            return
        if not said:
            logger.info("Another bridge is active; standing by")
            said = True
        await _end_silent_holder(connection)
        await asyncio.sleep(LOOK)


async def _end_silent_holder(connection: psycopg.AsyncConnection[tuple[object, ...]]) -> None:
    """A frozen process does not close its connection: its backend is ended for it."""
    cursor = await connection.execute(
        """
        SELECT pg_terminate_backend(locks.pid)
        FROM pg_locks locks JOIN reviews_bridge bridge ON bridge.backend_pid = locks.pid
        WHERE locks.locktype = 'advisory' AND locks.granted AND locks.classid = 0 AND locks.objid = %s
          AND locks.objsubid = 1 AND locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND bridge.beat_at < now() - make_interval(secs => %s)
        """,
        [LOCK, SILENCE],
    )
    if await cursor.fetchone():
        logger.warning("The active bridge was silent for %d s; ended its connection", SILENCE)
