"""The port to Temporal that ``reviews`` reads through: one client on one loop in one thread, short timeouts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import TimeoutError as NotInTime
from datetime import timedelta
from typing import IO, Any, TypeVar

from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from reviews.runs.engine import (
    Category,
    EngineUnavailable,
    EventFilter,
    EventInFull,
    EventLine,
    Projection,
)
from reviews.runs.mirroring import HistorySeen
from workflows.engine import chunks, files
from workflows.engine.connect import connect
from workflows.engine.decoding import event_json
from workflows.engine.lines import known_types

T = TypeVar("T")
PATIENCE = 2.0
"""Seconds that a page waits for Temporal."""


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

    def events(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        return (event_json(event) for event in chunks.history_of(chunk).events)

    def lines(self, chunk: bytes, wanted: EventFilter, *, newest_first: bool) -> Iterator[EventLine]:
        return chunks.lines(chunk, wanted, newest_first=newest_first)

    def event(self, chunk: bytes, id: int) -> EventInFull | None:
        return chunks.event(chunk, id)

    def group(self, chunk: bytes, began: int) -> list[EventLine]:
        return chunks.group(chunk, began)

    def history_json(self, chunk: bytes) -> Iterator[str]:
        return files.history_json(chunks.history_of(chunk))

    def take_in(self, file: IO[bytes], project: Projection) -> Iterator[HistorySeen]:
        return files.take_in(file, project)

    def event_types(self) -> list[tuple[Category, str]]:
        return known_types()

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(PATIENCE)
        except NotInTime as error:
            future.cancel()
            raise EngineUnavailable(f"Temporal did not answer within {PATIENCE:.0f} s.") from error
        except (RPCError, RuntimeError) as error:
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
        description = await client.workflow_service.describe_workflow_execution(
            DescribeWorkflowExecutionRequest(
                namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id or "")
            ),
            timeout=timedelta(seconds=PATIENCE),
        )
        return MessageToDict(description, preserving_proto_field_name=True)
