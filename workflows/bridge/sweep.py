"""Every few seconds: what a crash, a reset or a quiet end left different between the rows and Temporal."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations.models import DeliveryState, Escalation, EscalationState
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from workflows.bridge import calls
from workflows.bridge.calls import PATIENCE
from workflows.bridge.database import in_database
from workflows.bridge.mirror import Mirror, close_chain

logger = logging.getLogger(__name__)
EVERY = 5.0
OVERLAP = timedelta(minutes=1)
"""Visibility is written late; what started shortly before the last look is listed again."""
AT_FIRST = timedelta(days=1)
PAGE = 1000
A_FEW = 50


class Sweep:
    def __init__(self, client: Client, mirror: Mirror) -> None:
        self._client = client
        self._mirror = mirror
        self._listed_until: dict[str, datetime] = {}
        self._resting_after = uuid.UUID(int=0)

    async def run(self) -> None:
        while True:
            await self._find_successors()
            await self._close_chains()
            await self._look_at_resting()
            await asyncio.sleep(EVERY)

    async def _find_successors(self) -> None:
        """Executions of workflows that we know, under run ids that we do not: resets of closed runs above all."""
        for namespace in await in_database(_namespaces):
            began = datetime.now(UTC)
            since = self._listed_until.get(namespace, began - AT_FIRST)
            if await _in_peace(self._adopt_started(namespace, since), namespace):
                self._listed_until[namespace] = began - OVERLAP

    async def _adopt_started(self, namespace: str, since: datetime) -> None:
        token = b""
        while True:
            listed = await self._client.workflow_service.list_workflow_executions(
                ListWorkflowExecutionsRequest(
                    namespace=namespace,
                    page_size=PAGE,
                    next_page_token=token,
                    query=f"StartTime > '{_rfc3339(since)}'",
                ),
                timeout=PATIENCE,
            )
            await in_database(_adopt_unknown, namespace, list(listed.executions))
            token = listed.next_page_token
            if not token:
                return

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
        """Open runs beyond those that are followed, a few at a time, round and round."""
        runs = await in_database(_open_after, self._resting_after)
        for run in runs:
            if not self._mirror.is_following(run):
                await _in_peace(self._mirror.catch_up(run), run.workflow_id)
        self._resting_after = runs[-1].id if len(runs) == A_FEW else uuid.UUID(int=0)


async def _in_peace(work: Coroutine[Any, Any, None], of: str) -> bool:
    """Whether it went well: one namespace's or one run's trouble must not keep the sweep from the others."""
    try:
        await work
    except (RPCError, mirroring.OutOfStep) as error:
        logger.info("The sweep left out %s: %s", of, error)
        return False
    return True


def _namespaces() -> list[str]:
    return list(Workspace.objects.values_list("namespace", flat=True).distinct())


def _adopt_unknown(namespace: str, executions: list[WorkflowExecutionInfo]) -> None:
    ids = {info.execution.run_id: info.execution.workflow_id for info in executions}
    known = Run.objects.filter(namespace=namespace)
    workflow_ids = set(known.filter(workflow_id__in=ids.values()).values_list("workflow_id", flat=True))
    run_ids = set(known.filter(run_id__in=ids).values_list("run_id", flat=True))
    for run_id, workflow_id in ids.items():
        if run_id not in run_ids and workflow_id in workflow_ids:
            mirroring.adopt(namespace, workflow_id, run_id)


def _left_open() -> list[Run]:
    """The last run of each closed chain with a question that waits, or a decision that was never read."""
    unread = Q(deliveries__state=DeliveryState.DELIVERED) | Q(state=EscalationState.PENDING)
    open_run = Run.objects.filter(chain=OuterRef("run__chain")).open()
    chains = Escalation.objects.filter(unread).filter(~Exists(open_run)).values("run__chain")[:A_FEW]
    closed = Run.objects.filter(chain__in=[row["run__chain"] for row in chains]).exclude(run_id=None)
    return list(closed.order_by("chain", "-created_at").distinct("chain"))


def _open_after(run_id: uuid.UUID) -> list[Run]:
    return list(Run.objects.open().exclude(run_id=None).filter(id__gt=run_id).order_by("id")[:A_FEW])


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
