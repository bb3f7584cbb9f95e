"""Whether the rows say what Temporal says (I6): a report of differences that ends in none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.history.v1 import History
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.runs.chunks import raw_of
from reviews.runs.models import HistoryChunk, MirroredNamespace, Run
from reviews.runs.text import clean
from workflows.bridge import calls
from workflows.bridge.calls import PATIENCE
from workflows.bridge.database import in_database
from workflows.bridge.histories import PROVISIONAL
from workflows.bridge.namespaces import listed, status_of
from workflows.engine.decoding import when

SIDE_BY_SIDE = 8
LOOK_AGAIN = 0.5


@dataclass(frozen=True)
class Difference:
    """What one execution is at Temporal, and what its row says."""

    namespace: str
    workflow_id: str
    run_id: str
    what: str
    at_temporal: str
    here: str

    def __str__(self) -> str:
        name = f"{self.namespace}/{self.workflow_id}/{self.run_id}"
        return f"{name}: {self.what} is {self.at_temporal} at Temporal, {self.here} here"


async def lasting_differences(client: Client, *, patience: float, deep: bool = False) -> list[Difference]:
    """Those that are still there after ``patience`` seconds: what moves is a moment behind, and no fault.

    ``deep`` asks for each execution, and compares its history event by event.
    """
    end = asyncio.get_running_loop().time() + patience
    while True:
        found = [difference async for difference in differences(client, deep=deep)]
        if not found or asyncio.get_running_loop().time() > end:
            return found
        await asyncio.sleep(LOOK_AGAIN)


async def differences(client: Client, *, deep: bool = False) -> AsyncIterator[Difference]:
    """Of every execution that Temporal lists, and of every row that is not whole."""
    for namespace in await in_database(_namespaces):
        seen: set[str] = set()
        async for page in listed(client, namespace, ""):
            rows = await in_database(_rows, namespace, [info.execution.run_id for info in page])
            seen.update(info.execution.run_id for info in page)
            for few in _few(page):
                compared = [_compare(client, namespace, info, rows, deep) for info in few]
                for found in await asyncio.gather(*compared):
                    for difference in found:
                        yield difference
        for run in await in_database(_not_whole, namespace):
            if run.run_id not in seen and await _is_unknown(client, run):
                yield _difference(namespace, run.workflow_id, run.run_id or "", "the run", "gone", run.status)


async def _compare(
    client: Client, namespace: str, info: WorkflowExecutionInfo, rows: dict[str, Run], deep: bool
) -> list[Difference]:
    """The list may be late; a description is not. Only where the two sides differ by the list is it asked for."""
    name = (namespace, info.execution.workflow_id, info.execution.run_id)
    run = rows.get(info.execution.run_id)
    if run is None:
        return [_difference(*name, "the run", "there", "missing")]
    if run.forgotten_at is not None:
        return []
    try:
        return await _compare_row(client, name, info, run, deep)
    except RPCError as error:
        if error.status != RPCStatusCode.NOT_FOUND:
            raise
        # Deleted at Temporal, and listed for a moment longer: of a whole history nothing is left to compare.
        known = run.gone_at is not None or run.history_whole
        return [] if known else [_difference(*name, "the run", "gone", run.status)]


async def _compare_row(
    client: Client, name: tuple[str, str, str], info: WorkflowExecutionInfo, run: Run, deep: bool
) -> list[Difference]:
    """Raises ``RPCError``, NOT_FOUND among others."""
    # The list knows no chain.
    if deep or not run.history_whole or run.status != status_of(info.status):
        info = (await calls.describe(client, *name)).workflow_execution_info
    found = [
        _difference(*name, what, there, here) for what, there, here in _facts(info, run) if there != here
    ]
    if info.history_length != run.last_event_id and not await _is_held_back(client, info, name[0], run):
        found.append(_difference(*name, "events", str(info.history_length), str(run.last_event_id)))
    if deep and not found and not await _is_same_history(client, run):
        found.append(_difference(*name, "the history", "other events", "other events"))
    return found


def _facts(info: WorkflowExecutionInfo, run: Run) -> Iterable[tuple[str, str, str]]:
    yield "status", str(status_of(info.status)), run.status
    yield "type", clean(info.type.name)[:255], run.workflow_type
    closed = when(info.close_time) if info.HasField("close_time") else None
    yield "close time", str(closed), str(run.closed_at)
    if info.first_run_id:
        yield "chain", info.first_run_id, run.first_run_id or ""
    parent = info.parent_execution.run_id
    yield "parent", parent, (run.parent.run_id or "") if run.parent else ""


async def _is_held_back(client: Client, info: WorkflowExecutionInfo, namespace: str, run: Run) -> bool:
    """A workflow task that is being tried stands at the end, and its ids may go to other events yet."""
    missing = info.history_length - run.last_event_id
    if not 0 < missing <= len(PROVISIONAL):
        return False
    tail = await client.workflow_service.get_workflow_execution_history_reverse(
        GetWorkflowExecutionHistoryReverseRequest(
            namespace=namespace,
            execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id or ""),
            maximum_page_size=missing,
        ),
        timeout=PATIENCE,
    )
    newer = [event for event in tail.history.events if event.event_id > run.last_event_id]
    return all(event.event_type in PROVISIONAL for event in newer)


async def _is_same_history(client: Client, run: Run) -> bool:
    handle = client.get_workflow_handle(run.workflow_id, run_id=run.run_id)
    events = [event async for event in handle.fetch_history_events()]
    kept = await in_database(_archive, run)
    return list(kept.events) == events[: len(kept.events)]


async def _is_unknown(client: Client, run: Run) -> bool:
    try:
        await calls.describe(client, run.namespace, run.workflow_id, run.run_id or "")
    except RPCError as error:
        return error.status == RPCStatusCode.NOT_FOUND
    return False


def _few(page: list[WorkflowExecutionInfo]) -> Iterable[list[WorkflowExecutionInfo]]:
    return (page[at : at + SIDE_BY_SIDE] for at in range(0, len(page), SIDE_BY_SIDE))


def _namespaces() -> list[str]:
    return list(MirroredNamespace.objects.order_by("namespace").values_list("namespace", flat=True))


def _rows(namespace: str, run_ids: list[str]) -> dict[str, Run]:
    found = Run.objects.filter(namespace=namespace, run_id__in=run_ids).select_related("parent")
    return {run.run_id: run for run in found.defer("input", "result") if run.run_id}


def _not_whole(namespace: str) -> list[Run]:
    return list(Run.objects.to_follow().filter(namespace=namespace).order_by("id")[:10_000])


def _archive(run: Run) -> History:
    chunks = HistoryChunk.objects.filter(run=run).order_by("first_event")
    return History.FromString(b"".join(raw_of(chunk.data) for chunk in chunks))


def _difference(
    namespace: str, workflow_id: str, run_id: str, what: str, at_temporal: str, here: str
) -> Difference:
    return Difference(namespace, workflow_id, run_id, what, at_temporal, here)
