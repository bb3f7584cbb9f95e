"""The port to Temporal that ``reviews`` reads through: one client on one loop in one thread, short timeouts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as NotInTime
from datetime import timedelta
from typing import IO, Any, TypeVar

from google.protobuf.json_format import MessageToDict
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.runs.engine import (
    Category,
    EngineUnavailable,
    EventFilter,
    EventInFull,
    EventLine,
)
from reviews.runs.ingesting import HistorySeen
from reviews.runs.now import Interface, ResetPoint, RunNow
from workflows.engine import asking, chunks, files, points, present
from workflows.engine.connect import connect
from workflows.engine.decoding import event_json
from workflows.engine.lines import known_types

T = TypeVar("T")
PATIENCE = 2.0
"""Seconds that a page waits for Temporal."""
ANSWER_PATIENCE = 5.0
"""Seconds that a person waits for a worker, which may have to replay the whole history first."""
OVERHEAD = 0.5
"""Seconds by which our own patience outlasts the call's, so that the call's own words are heard."""


class TemporalEngine:
    """Implements :class:`reviews.runs.engine.Engine`."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._client: Client | None = None
        threading.Thread(target=self._loop.run_forever, name="temporal", daemon=True).start()

    def check(self) -> None:
        self._run(self._check())

    def describe(self, namespace: str, workflow_id: str, run_id: str | None) -> dict[str, Any]:
        return self._run(self._describe(namespace, workflow_id, run_id))

    def now(self, namespace: str, workflow_id: str, run_id: str | None) -> RunNow:
        return self._run(self._now(namespace, workflow_id, run_id))

    def interface(self, namespace: str, workflow_id: str, run_id: str | None) -> Interface:
        return self._run(self._interface(namespace, workflow_id, run_id), PATIENCE + OVERHEAD)

    def query(
        self, namespace: str, workflow_id: str, run_id: str | None, name: str, arguments: Sequence[Any]
    ) -> Any:
        asked = self._query(namespace, workflow_id, run_id, name, arguments)
        return self._run(asked, ANSWER_PATIENCE + OVERHEAD)

    def stack_trace(self, namespace: str, workflow_id: str, run_id: str | None) -> str:
        return str(self.query(namespace, workflow_id, run_id, asking.STACK_TRACE, []))

    def events(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        return (event_json(event) for event in chunks.history_of(chunk).events)

    def lines(self, chunk: bytes, wanted: EventFilter, *, newest_first: bool) -> Iterator[EventLine]:
        return chunks.lines(chunk, wanted, newest_first=newest_first)

    def event(self, chunk: bytes, id: int) -> EventInFull | None:
        return chunks.event(chunk, id)

    def group(self, chunk: bytes, began: int) -> list[EventLine]:
        return chunks.group(chunk, began)

    def history_json(self, chunk: bytes, *, after: int) -> Iterator[str]:
        return files.history_json(chunks.history_of(chunk), after=after)

    def take_in(self, file: IO[bytes]) -> Iterator[HistorySeen]:
        return files.take_in(file)

    def event_types(self) -> list[tuple[Category, str]]:
        return known_types()

    def reset_points(self, chunks: Iterable[bytes]) -> Iterator[ResetPoint]:
        return points.reset_points(chunks)

    def _run(self, work: Coroutine[Any, Any, T], patience: float = PATIENCE) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(patience)
        except NotInTime as error:
            future.cancel()
            raise EngineUnavailable(f"Temporal did not answer within {patience:.0f} s.") from error
        except RPCError as error:
            raise EngineUnavailable(_in_words(error)) from error
        except RuntimeError as error:
            raise EngineUnavailable(f"Temporal: {error}") from error

    async def _connected(self) -> Client:
        if self._client is None:
            self._client = await connect()
        return self._client

    async def _check(self) -> None:
        client = await self._connected()
        await client.workflow_service.get_system_info(
            GetSystemInfoRequest(), timeout=timedelta(seconds=PATIENCE)
        )

    async def _describe(self, namespace: str, workflow_id: str, run_id: str | None) -> dict[str, Any]:
        client = await self._connected()
        within = timedelta(seconds=PATIENCE)
        described = await present.describe(client, namespace, workflow_id, run_id, timeout=within)
        return MessageToDict(described, preserving_proto_field_name=True)

    async def _now(self, namespace: str, workflow_id: str, run_id: str | None) -> RunNow:
        client = await self._connected()
        within = timedelta(seconds=PATIENCE)
        return await present.run_now(client, namespace, workflow_id, run_id, timeout=within)

    async def _interface(self, namespace: str, workflow_id: str, run_id: str | None) -> Interface:
        client = await self._connected()
        within = timedelta(seconds=PATIENCE)
        return await asking.interface(client, namespace, workflow_id, run_id, timeout=within)

    async def _query(
        self, namespace: str, workflow_id: str, run_id: str | None, name: str, arguments: Sequence[Any]
    ) -> Any:
        client = await self._connected()
        within = timedelta(seconds=ANSWER_PATIENCE)
        return await asking.query(client, namespace, workflow_id, run_id, name, arguments, timeout=within)


def _in_words(error: RPCError) -> str:
    match error.status:
        case RPCStatusCode.NOT_FOUND:
            return f"Temporal does not know this run (any more): {error.message}."
        case RPCStatusCode.DEADLINE_EXCEEDED | RPCStatusCode.CANCELLED | RPCStatusCode.UNAVAILABLE:
            return f"Temporal does not answer: {error.message}."
        case _:
            return f"Temporal: {error.message}"
