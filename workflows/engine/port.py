"""The port to Temporal that ``reviews`` reads through: one client on one loop in one thread, short timeouts."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import TimeoutError as NotInTime
from datetime import timedelta
from typing import Any, TypeVar

import zstandard
from google.protobuf.json_format import MessageToDict
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import History
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from reviews.runs.engine import EngineUnavailable
from workflows.engine.connect import connect
from workflows.engine.decoding import event_json

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
        history = History.FromString(zstandard.ZstdDecompressor().decompress(chunk))
        return (event_json(event) for event in history.events)

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
