"""Every few seconds: what a crash, a reset or a quiet end left different between the rows and Temporal."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from typing import Any

from django.db.models import Exists, OuterRef, Q
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations.models import DeliveryState, Escalation, EscalationState
from reviews.runs.ingesting import OutOfStep
from reviews.runs.models import Run
from workflows.bridge import calls
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease
from workflows.bridge.mirror import Mirror, close_chain
from workflows.bridge.namespaces import Namespaces

logger = logging.getLogger(__name__)
EVERY = 5.0
A_FEW = 50
MANY = 500
SIDE_BY_SIDE = 8


class Sweep:
    def __init__(self, client: Client, lease: Lease, mirror: Mirror) -> None:
        self._client = client
        self._mirror = mirror
        self._namespaces = Namespaces(client, lease)
        self._resting_after = uuid.UUID(int=0)

    async def run(self) -> None:
        while True:
            await self._namespaces.look()
            await self._close_chains()
            await self._look_at_resting()
            await asyncio.sleep(EVERY)

    async def _close_chains(self) -> None:
        for run in await in_database(_left_open):
            await _in_peace(self._close_chain(run), run.workflow_id)

    async def _close_chain(self, run: Run) -> None:
        try:
            await self._mirror.after_close(run)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND or calls.is_namespace_missing(error):
                raise
            await in_database(close_chain, run)  # Temporal forgot the workflow: nothing of it is open there

    async def _look_at_resting(self) -> None:
        """Open runs beyond those that are followed, some at a time, round and round."""
        runs = await in_database(_open_after, self._resting_after)
        for few in (runs[at : at + SIDE_BY_SIDE] for at in range(0, len(runs), SIDE_BY_SIDE)):
            await asyncio.gather(*(_in_peace(self._catch_up(run), run.workflow_id) for run in few))
        self._resting_after = runs[-1].id if len(runs) == MANY else uuid.UUID(int=0)

    async def _catch_up(self, run: Run) -> None:
        """Only where Temporal's description differs: a description costs less than a history."""
        if self._mirror.is_following(run):
            return  # asked now: the mirror takes up new ones meanwhile
        described = await calls.describe(self._client, run.namespace, run.workflow_id, run.run_id or "")
        if described.workflow_execution_info.history_length != run.last_event_id:
            await self._mirror.catch_up(run)


async def _in_peace(work: Coroutine[Any, Any, object], of: str) -> bool:
    """Whether it went well: one namespace's or one run's trouble must not keep the sweep from the others."""
    try:
        await work
    except (RPCError, OutOfStep) as error:
        logger.info("The sweep left out %s: %s", of, error)
        return False
    return True


def _left_open() -> list[Run]:
    """The last run of each closed chain with a question that waits, or a decision that was never read."""
    unread = Q(deliveries__state=DeliveryState.DELIVERED) | Q(state=EscalationState.PENDING)
    open_run = Run.objects.filter(chain=OuterRef("run__chain")).open()
    chains = Escalation.objects.filter(unread).filter(~Exists(open_run)).values("run__chain")[:A_FEW]
    closed = Run.objects.filter(chain__in=[row["run__chain"] for row in chains]).exclude(run_id=None)
    return list(closed.order_by("chain", "-created_at").distinct("chain"))


def _open_after(run_id: uuid.UUID) -> list[Run]:
    return list(Run.objects.to_follow().open().filter(id__gt=run_id).order_by("id")[:MANY])
