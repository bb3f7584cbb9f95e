"""Temporal → rows: follows the histories of open runs by long poll and writes what they say.

A run that Temporal has forgotten says so on its page; one whose namespace is gone is looked at again later.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import aclosing
from functools import partial

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations import actions as escalations
from reviews.outbox.actions import StaleEpoch
from reviews.runs import discovering, ingesting, mirroring
from reviews.runs.ingesting import OutOfStep
from reviews.runs.models import OPEN_STATUSES, MirroredNamespace, Run
from workflows.bridge import calls
from workflows.bridge.database import in_database
from workflows.bridge.histories import ended, pages
from workflows.bridge.lease import Lease
from workflows.bridge.pace import Pace, Turns
from workflows.bridge.resets import ingest_reset
from workflows.bridge.together import stopped
from workflows.engine.projection import project

logger = logging.getLogger(__name__)
AT_MOST = 500
"""Open runs that are followed by long poll."""
AT_ONCE = 20
"""Closed runs whose history is being fetched."""
LOOK_AGAIN = 2.0
PAUSE = 0.05
"""Between two looks for new runs, so that a burst of changes costs one query and not hundreds."""
LOOKS_FOR_NEW = partial(Pace, looks=4, at_once=8, longest=0.25)
LOOKS_AT_EACH = partial(Pace, looks=10, at_once=30, longest=10.0)
FIRST_WAIT = 0.2
LONGEST_WAIT = 30.0


class Mirror:
    def __init__(self, client: Client, lease: Lease) -> None:
        self._client = client
        self._lease = lease
        self._followed: dict[uuid.UUID, asyncio.Task[None]] = {}
        self._turns = Turns(LOOKS_AT_EACH())
        self._looks_for_new = LOOKS_FOR_NEW()
        lease.on_watched = self._watch

    async def run(self) -> None:
        """Follow until cancelled. Raises :class:`StaleEpoch` when another bridge took over."""
        try:
            while True:
                self._lease.something_changed.clear()
                self._follow_only(*await in_database(self._to_follow, set(self._followed)))
                self._raise_if_stale()
                await self._next_change()
        finally:
            await stopped(self._followed.values())

    def is_following(self, run: Run) -> bool:
        return run.id in self._followed

    def _watch(self, run_id: uuid.UUID) -> None:
        self._turns.watch(run_id)
        if run_id not in self._followed:
            self._lease.something_changed.set()

    def _to_follow(self, followed: set[uuid.UUID]) -> tuple[set[uuid.UUID], list[Run]]:
        """Open runs by when they moved last, those that somebody watches, and closed ones with half a history.

        And the rows of those that nobody follows yet: every change of anything comes by here.
        """
        behind = Run.objects.to_follow().order_by("-moved_at")
        moved = behind.open().values_list("id", flat=True)
        closed = behind.exclude(status__in=OPEN_STATUSES).values_list("id", flat=True)
        watched = moved.filter(id__in=self._turns.watched)
        ids = {*moved[:AT_MOST], *watched[:AT_MOST], *closed[:AT_ONCE]}
        news = ids - followed
        return ids, list(Run.objects.filter(id__in=news)) if news else []

    def _follow_only(self, ids: set[uuid.UUID], news: list[Run]) -> None:
        """A server keeps only so many long polls: the runs that rest make room for those that move."""
        if len(self._followed) + len(ids) > AT_MOST + AT_ONCE:
            for run_id in self._followed.keys() - ids:
                self._followed.pop(run_id).cancel()
        for run in news:
            self._followed[run.id] = asyncio.create_task(self._follow_to_the_end(run))

    def _raise_if_stale(self) -> None:
        for run_id, task in list(self._followed.items()):
            if task.done():
                del self._followed[run_id]
                task.result()  # only a stale epoch ends a follower with an error

    async def _next_change(self) -> None:
        await asyncio.sleep(PAUSE + self._looks_for_new.rest())
        try:
            async with asyncio.timeout(LOOK_AGAIN):  # wait_for can swallow a cancellation before Python 3.12
                await self._lease.something_changed.wait()
        except TimeoutError:
            return

    async def _follow_to_the_end(self, run: Run) -> None:
        wait = FIRST_WAIT
        while not run.history_whole:
            began = time.monotonic()
            try:
                run = await self._take_in(run, wait_new_event=run.is_open)
                continue
            except StaleEpoch:
                raise
            except OutOfStep:
                run = await in_database(Run.objects.get, id=run.id)
                continue
            except RPCError as error:
                if error.status == RPCStatusCode.NOT_FOUND:
                    run = await self._not_found(run, error)
            except Exception:  # one run's trouble must not stop the mirror of the others
                logger.exception("Mirroring %s failed; trying again", run.workflow_id)
            if time.monotonic() - began > LONGEST_WAIT:
                wait = FIRST_WAIT  # it went well for a while
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)

    async def catch_up(self, run: Run) -> Run:
        """Read what happened to a run that is not followed, without waiting for more."""
        return await self._take_in(run, wait_new_event=False)

    async def _take_in(self, run: Run, *, wait_new_event: bool) -> Run:
        rest = (
            partial(self._turns.wait, run.id, partial(ended, self._client, run)) if wait_new_event else None
        )
        async with aclosing(pages(self._client, run, wait_new_event=wait_new_event, rest=rest)) as history:
            async for events, token in history:
                run = await self._ingest(run, events, token)
                if run.history_whole:
                    break
        return run

    async def _ingest(self, run: Run, events: list[HistoryEvent], token: bytes | None) -> Run:
        was_whole = run.history_whole
        run = await in_database(ingest_batch, run, events, token, self._lease.epoch)
        if run.history_whole and not was_whole:
            await self.after_close(run)
        return run

    async def _not_found(self, run: Run, error: RPCError) -> Run:
        """Of a namespace that is the one it was, Temporal has forgotten the run; of another one nothing is known."""
        if calls.is_namespace_missing(error) or not await self._is_same_namespace(run.namespace):
            await in_database(mirroring.mirror_lags, run, f"Temporal does not know this run: {error.message}")
            return run
        run = await in_database(discovering.gone, run, epoch=self._lease.epoch)
        await in_database(close_chain, run)
        return run

    async def _is_same_namespace(self, name: str) -> bool:
        known = await in_database(MirroredNamespace.objects.filter(namespace=name).first)
        described = await calls.describe_namespace(self._client, name)
        return known is not None and known.namespace_id == described.namespace_info.id

    async def after_close(self, run: Run) -> None:
        """A reset closes one execution and opens the next in one step: look for it before calling the chain closed."""
        newest = (await calls.describe(self._client, run.namespace, run.workflow_id)).workflow_execution_info
        if newest.execution.run_id != run.run_id and newest.first_run_id == run.first_run_id:
            await in_database(_join, run, newest.execution.run_id)
        await in_database(close_chain, run)


def ingest_batch(run: Run, events: list[HistoryEvent], token: bytes | None, epoch: int) -> Run:
    """Project and write, in the database's thread: the loop has beats to keep."""
    seen = project(events, already=run.last_event_id)
    if seen is None:
        return run
    seen.token = token
    ingest = ingest_reset if "reset_event_id" in seen.fields else ingesting.ingest
    return ingest(run, seen, epoch=epoch)


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
