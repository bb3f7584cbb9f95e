"""One socket of one page: it says what it shows, and is told which of that changed. Never content.

Towards the browser: ``{"listening": [...], "refused": [...], "cursor": c}`` answers a ``listen``; ``{"changed":
[...], "cursor": c}``; ``{"lost": [...]}`` names what may not be read any more; ``{"reload": true}`` says that the
log no longer reaches back to the page; ``{"cursor": c}`` alone is the heart's beat. From it: ``{"listen": [...],
"cursor": c or ""}`` names all that the page shows, in place of what it named before; ``{"looking": id or null}``
names the question in sight.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError

from reviews.changes.cursors import Cursor
from reviews.changes.queries import missed
from reviews.changes.tailer import tailer
from reviews.escalations import looking
from reviews.live.topics import AT_MOST, allowed, few_runs, uuid_of
from reviews.live.who import headers_of, is_from_here, viewer_of
from reviews.runs import watching
from reviews.workspaces.access import Viewer

logger = logging.getLogger(__name__)
T = TypeVar("T")
BEAT = 15.0
"""Seconds without a word. Each second time also looks whether the session still lives, which no log tells."""
PAUSE = 0.1
"""At most ten messages a second: what changes faster is told together."""
TOO_SLOW = 10.0
"""A browser that does not take a message for so long is let go; it comes back with its cursor."""


def _ask(ask: Callable[..., T], *values: Any) -> Awaitable[T]:
    """In a thread of its own: a thousand pages that come back at once do not stand in one line."""
    return database_sync_to_async(ask, thread_sensitive=False)(*values)


class Close:
    """Why a socket was closed, for the page."""

    BAD_MESSAGE = 4400
    SIGNED_OUT = 4401
    FOREIGN = 4403
    TOO_SLOW = 4408
    TRY_AGAIN = 4503


class LiveConsumer(AsyncWebsocketConsumer):
    viewer: Viewer

    async def connect(self) -> None:
        self._socket = uuid.uuid4()
        self._headers = headers_of(self.scope)
        self._subjects: set[str] = set()
        self._changed: set[str] = set()
        self._news = asyncio.Event()
        self._looks = False
        self._listens = False
        self._telling = asyncio.Lock()
        self._one_at_a_time = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        if not is_from_here(self._headers, self.scope.get("scheme", "ws")):
            await self.close(Close.FOREIGN)
            return
        viewer = await _ask(viewer_of, self._headers)
        # Accepted first: a browser learns nothing of why a handshake was refused.
        await self.accept()
        if viewer is None:
            await self.close(Close.SIGNED_OUT)
            return
        self.viewer = viewer
        self._tasks = [asyncio.create_task(self._tell()), asyncio.create_task(self._watch())]

    async def disconnect(self, code: int) -> None:
        for task in self._tasks:
            task.cancel()
        tailer.leave(self, [*self._subjects, *self._own])
        if self._looks:
            await self._in_database(looking.look_away, self._socket)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self._tasks:
            return  # it was closed before it began
        try:
            message = json.loads(text_data or "")
            assert isinstance(message, dict)
        except (ValueError, AssertionError, RecursionError):
            await self.close(Close.BAD_MESSAGE)
            return
        try:
            match message:
                case {"listen": [*subjects], "cursor": str(cursor)} if len(subjects) <= AT_MOST:
                    await self._listen({subject for subject in subjects if isinstance(subject, str)}, cursor)
                case {"looking": str(id)}:
                    await self._look(id)
                case {"looking": None}:
                    await self._look("")
                case _:
                    await self.close(Close.BAD_MESSAGE)
        except (DatabaseError, TimeoutError):
            await self.close(Close.TRY_AGAIN)

    def hear(self, subject: str) -> None:
        self._changed.add(subject)
        self._news.set()

    @property
    def _own(self) -> set[str]:
        """What tells that its rights may have changed."""
        return {f"account:{self.viewer.account.id}"} if hasattr(self, "viewer") else set()

    async def _listen(self, subjects: set[str], cursor: str) -> None:
        """Nothing else is told meanwhile: a newer cursor must not overtake what was missed before it."""
        async with self._telling:
            may = await _ask(allowed, self.viewer, subjects)
            # First listen, then look at what was missed: what comes between is heard twice, and not never.
            tailer.leave(self, self._subjects - may)
            tailer.listen(self, may | self._own)
            self._subjects = may
            await _ask(watching.watch, few_runs(may))
            async with asyncio.timeout(TOO_SLOW):
                await tailer.ready()
            here = tailer.cursor
            known = Cursor.parse(cursor)
            behind = await _ask(missed, known, may) if known else may
            if behind is None:
                await self._send({"reload": True})
                return
            told = sorted(behind | (self._changed & may))
            self._changed -= may
            await self._send(
                {"listening": sorted(may), "refused": sorted(subjects - may), "changed": told, "cursor": here}
            )
            self._listens = True

    async def _look(self, id: str) -> None:
        found = uuid_of(id)
        if found is None or f"escalation:{id}" not in self._subjects:
            if self._looks:
                self._looks = False
                await _ask(looking.look_away, self._socket)
            return
        self._looks = True
        await _ask(looking.look, found, self.viewer.account, self._socket)

    async def _tell(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(BEAT):
                    await self._news.wait()
            self._news.clear()
            async with self._telling:
                changed, self._changed = self._changed, set()
                cursor = tailer.cursor  # all up to it is in `changed` or was told before
                told = sorted(changed & self._subjects)
                if self._listens and (told or not changed):
                    await self._send({"changed": told, "cursor": cursor} if told else {"cursor": cursor})
            if changed & self._own:
                await self._look_at_rights()
            await asyncio.sleep(PAUSE)

    async def _watch(self) -> None:
        beats = 0
        while True:
            await asyncio.sleep(BEAT)
            beats += 1
            if self._looks:
                await self._in_database(looking.still_looking, self._socket)
            if beats % 2 == 0:
                await self._look_at_rights()
                await self._in_database(watching.watch, few_runs(self._subjects))

    async def _look_at_rights(self) -> None:
        """A role taken away loses its subjects, a session or a token that ended its socket."""
        answered, viewer = await self._in_database(viewer_of, self._headers)
        if not answered:
            return
        if viewer is None:
            await self.close(Close.SIGNED_OUT)
            return
        self.viewer = viewer
        answered, may = await self._in_database(allowed, viewer, self._subjects)
        if answered and (lost := self._subjects - may):
            tailer.leave(self, lost)
            self._subjects = may
            await self._send({"lost": sorted(lost)})

    async def _in_database(self, ask: Any, *values: Any) -> tuple[bool, Any]:
        """Whether the database answered, and what. While it is away a page keeps what it has."""
        try:
            return True, await _ask(ask, *values)
        except DatabaseError as error:
            logger.info("The database did not answer a socket: %s", error)
            return False, None

    async def _send(self, message: dict[str, Any]) -> None:
        try:
            async with self._one_at_a_time, asyncio.timeout(TOO_SLOW):
                await self.send(json.dumps(message))
        except TimeoutError:
            await self.close(Close.TOO_SLOW)
        except OSError:
            pass  # it is gone, and `disconnect` is on its way
