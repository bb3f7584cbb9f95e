"""Temporal → rows: follows the histories of open runs by long poll and writes what they say.

A run whose namespace or execution is gone says so on its page and is looked at again later.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations import actions as escalations
from reviews.outbox.actions import StaleEpoch
from reviews.runs import mirroring
from reviews.runs.models import Run
from workflows.bridge import calls
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease
from workflows.bridge.projection import project
from workflows.bridge.resets import ingest_reset

logger = logging.getLogger(__name__)
AT_MOST = 500
LOOK_AGAIN = 2.0
PAUSE = 0.02
"""Between two looks for new runs, so that a burst of changes costs one query and not hundreds."""
LONG_POLL = timedelta(seconds=70)
LONGEST_WAIT = 30.0
PROVISIONAL = {EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED}


class Mirror:
    def __init__(self, client: Client, lease: Lease) -> None:
        self._client = client
        self._lease = lease
        self._followed: dict[uuid.UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Follow until cancelled. Raises :class:`StaleEpoch` when another bridge took over."""
        try:
            while True:
                self._lease.something_changed.clear()
                self._follow_only(await in_database(self._moved_last))
                self._raise_if_stale()
                await self._next_change()
        finally:
            for task in self._followed.values():
                task.cancel()

    def is_following(self, run: Run) -> bool:
        return run.id in self._followed

    def _moved_last(self) -> list[Run]:
        return list(Run.objects.open().exclude(run_id=None).order_by("-moved_at")[:AT_MOST])

    def _follow_only(self, runs: list[Run]) -> None:
        """A server keeps only so many long polls: the runs that rest make room for those that move."""
        if len(self._followed) + len(runs) > AT_MOST:
            for run_id in self._followed.keys() - {run.id for run in runs}:
                self._followed.pop(run_id).cancel()
        for run in runs:
            if run.id not in self._followed:
                self._followed[run.id] = asyncio.create_task(self._follow_to_the_end(run))

    def _raise_if_stale(self) -> None:
        for run_id, task in list(self._followed.items()):
            if task.done():
                del self._followed[run_id]
                task.result()  # only a stale epoch ends a follower with an error

    async def _next_change(self) -> None:
        await asyncio.sleep(PAUSE)
        try:
            async with asyncio.timeout(LOOK_AGAIN):  # wait_for can swallow a cancellation before Python 3.12
                await self._lease.something_changed.wait()
        except TimeoutError:
            return

    async def _follow_to_the_end(self, run: Run) -> None:
        wait = 0.2
        while run.is_open:
            try:
                run = await self._follow_history(run)
            except StaleEpoch:
                raise
            except mirroring.OutOfStep:
                run = await in_database(Run.objects.get, id=run.id)
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    await in_database(
                        mirroring.mirror_lags, run, f"Temporal does not know this run: {error.message}"
                    )
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)
            except Exception:  # one run's trouble must not stop the mirror of the others
                logger.exception("Mirroring %s failed; trying again", run.workflow_id)
                await asyncio.sleep(wait)
                wait = min(wait * 2, LONGEST_WAIT)

    async def _follow_history(self, run: Run) -> Run:
        async for events in self._pages(run, wait_new_event=True):
            run = await self._ingest(run, events)
            if not run.is_open:
                break
        return run

    async def catch_up(self, run: Run) -> None:
        """Read what happened to a run that is not followed, without waiting for more."""
        async for events in self._pages(run, wait_new_event=False):
            run = await self._ingest(run, events)

    async def _pages(self, run: Run, *, wait_new_event: bool) -> AsyncIterator[list[HistoryEvent]]:
        """What stands in the history for good. An open workflow task at its end may yet give its ids to others."""
        token, held = b"", list[HistoryEvent]()
        while True:
            response = await self._client.workflow_service.get_workflow_execution_history(
                GetWorkflowExecutionHistoryRequest(
                    namespace=run.namespace,
                    execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id or ""),
                    maximum_page_size=250,
                    next_page_token=token,
                    wait_new_event=wait_new_event,
                ),
                timeout=LONG_POLL,
            )
            lasting, held = _part_provisional(held, list(response.history.events))
            yield lasting
            token = response.next_page_token
            if not token:
                return

    async def _ingest(self, run: Run, events: list[HistoryEvent]) -> Run:
        seen = project(events, already=run.last_event_id)
        if seen is None:
            return run
        ingest = ingest_reset if "reset_event_id" in seen.fields else mirroring.ingest
        run = await in_database(ingest, run, seen, epoch=self._lease.epoch)
        if not run.is_open:
            await self.after_close(run)
        return run

    async def after_close(self, run: Run) -> None:
        """A reset closes one execution and opens the next in one step: look for it before calling the chain closed."""
        newest = (await calls.describe(self._client, run.namespace, run.workflow_id)).workflow_execution_info
        if newest.execution.run_id != run.run_id and newest.first_run_id == run.first_run_id:
            await in_database(_join, run, newest.execution.run_id)
        await in_database(close_chain, run)


def _part_provisional(
    held: list[HistoryEvent], events: list[HistoryEvent]
) -> tuple[list[HistoryEvent], list[HistoryEvent]]:
    """What lasts, and what is held back until something follows on it.

    Temporal shows the workflow task that is being tried (again) as if it stood in the history; should a signal or
    the run's end come first, that event takes its id.
    """
    known = [event for event in held if not events or event.event_id < events[0].event_id]
    events = known + events
    end = len(events)
    while end and events[end - 1].event_type in PROVISIONAL:
        end -= 1
    return events[:end], events[end:]


def close_chain(run: Run) -> None:
    """Withdraw what waits and name what was not read, unless another execution of the chain is open."""
    run = Run.objects.get(id=run.id)
    if Run.objects.filter(chain=run.chain).open().exists():
        escalations.chain_goes_on(run)
    else:
        escalations.chain_closed(run)


def _join(run: Run, successor_run_id: str) -> None:
    successor = mirroring.adopt(
        run.namespace, run.workflow_id, successor_run_id, workflow_type=run.workflow_type, queue=run.queue
    )
    mirroring.join_chain(successor, run)
