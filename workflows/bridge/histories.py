"""An execution's history in pages, from where the mirror stands, the next one fetched while this one is written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType, HistoryEventFilterType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryRequest,
    GetWorkflowExecutionHistoryResponse,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.runs.models import Run

PAGE = 250
BATCH = 4000
LARGE = 8_000_000
"""Bytes of a batch beyond which no further page is waited for."""
LONG_POLL = timedelta(seconds=70)
PROVISIONAL = {EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED}


async def pages(
    client: Client, run: Run, *, wait_new_event: bool, rest: Callable[[], Awaitable[None]] | None = None
) -> AsyncGenerator[tuple[list[HistoryEvent], bytes | None], None]:
    """What stands in the history for good, and the token that goes on behind it (None: not known).

    Full pages are gathered to batches, since each costs a transaction. An open workflow task at its end may yet
    give its ids to others, so it is held back. Close the iterator (``contextlib.aclosing``): it has a fetch
    under way. ``rest`` is awaited before more is asked for once all that there is was read.
    """
    token, batch = bytes(run.history_token or b""), list[HistoryEvent]()
    size = 0
    fetch = asyncio.create_task(_first(client, run, token, wait_new_event))
    try:
        while True:
            response = await fetch
            token = response.next_page_token
            page = list(response.history.events)
            if token:
                pause = rest if len(page) < PAGE else None
                fetch = asyncio.create_task(_fetch(client, run, token, wait_new_event, pause))
            batch = _joined(batch, page)
            size += response.ByteSize()
            if token and len(page) >= PAGE and len(batch) < BATCH and size < LARGE:
                continue
            lasting, batch = _part_provisional(batch)
            size = 0
            yield lasting, None if batch else token or None
            if not token:
                return
    finally:
        fetch.cancel()
        await asyncio.wait({fetch})  # unlike `await fetch`, it tells our own cancellation from the fetch's
        if not fetch.cancelled():
            fetch.exception()  # it was looked at


async def _first(
    client: Client, run: Run, token: bytes, wait_new_event: bool
) -> GetWorkflowExecutionHistoryResponse:
    """A token is the server's own, and it may have forgotten what it means: then from the beginning."""
    try:
        return await _fetch(client, run, token, wait_new_event)
    except RPCError as error:
        if not token or error.status != RPCStatusCode.INVALID_ARGUMENT:
            raise
        return await _fetch(client, run, b"", wait_new_event)


async def _fetch(
    client: Client,
    run: Run,
    token: bytes,
    wait_new_event: bool,
    rest: Callable[[], Awaitable[None]] | None = None,
) -> GetWorkflowExecutionHistoryResponse:
    if rest is not None:
        await rest()
    return await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=run.namespace,
            execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id or ""),
            maximum_page_size=PAGE,
            next_page_token=token,
            wait_new_event=wait_new_event,
        ),
        timeout=LONG_POLL,
    )


async def ended(client: Client, run: Run) -> None:
    """Wait until the execution has ended, or for as long as the server waits with us. It wakes up for nothing else."""
    await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=run.namespace,
            execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id or ""),
            wait_new_event=True,
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
        ),
        timeout=LONG_POLL,
    )


def _joined(batch: list[HistoryEvent], page: list[HistoryEvent]) -> list[HistoryEvent]:
    """What was held back may come again, or as something else."""
    return [event for event in batch if not page or event.event_id < page[0].event_id] + page


def _part_provisional(events: list[HistoryEvent]) -> tuple[list[HistoryEvent], list[HistoryEvent]]:
    """What lasts, and what is held back until something follows on it.

    Temporal shows the workflow task that is being tried (again) as if it stood in the history; should a signal or
    the run's end come first, that event takes its id.
    """
    end = len(events)
    while end and events[end - 1].event_type in PROVISIONAL:
        end -= 1
    return events[:end], events[end:]
