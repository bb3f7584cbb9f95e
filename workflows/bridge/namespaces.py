"""One look at a namespace: is it there, what started, what closed, may its workflows say that they wait."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflow.v1 import WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import ListWorkflowExecutionsRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.outbox.actions import StaleEpoch
from reviews.runs import discovering
from reviews.runs.discovering import Listed
from reviews.runs.models import MirroredNamespace, RunStatus
from workflows.bridge import calls
from workflows.bridge.calls import PATIENCE
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease
from workflows.contracts import WAITING_ATTRIBUTE
from workflows.engine.decoding import when

logger = logging.getLogger(__name__)
OVERLAP = timedelta(minutes=1)
"""Visibility is written late; what started or closed shortly before the last look is listed again."""
PAGE = 1000
HOLDS = timedelta(minutes=1)
SETTLED = timedelta(minutes=1)
"""A cluster's frontends learn of a new search attribute within this time; a workflow that uses it sooner stumbles."""


class Namespaces:
    def __init__(self, client: Client, lease: Lease) -> None:
        self._client = client
        self._lease = lease
        self._registered: dict[str, datetime] = {}
        self._ids: dict[str, tuple[datetime, str]] = {}

    async def look(self) -> None:
        """At each that a workspace is bound to: one's trouble does not keep us from the others."""
        for namespace in await in_database(discovering.namespaces):
            try:
                await self._look_at(namespace)
            except StaleEpoch:
                raise
            except RPCError as error:
                await self._keep(namespace, trouble=_in_words(namespace, error))
                logger.info("The sweep left out the namespace %s: %s", namespace.namespace, error.message)

    async def _look_at(self, namespace: MirroredNamespace) -> None:
        began = datetime.now(UTC)
        known = await self._known(namespace, began)
        if namespace.namespace_id not in ("", known):
            await self._keep(namespace, trouble=_is_another(namespace, known))
            return
        await self._take_in_list(namespace)
        until = began - OVERLAP
        await self._keep(
            namespace,
            namespace_id=known,
            listed_until=until,
            waiting_attribute=await self._may_say_waiting(namespace),
            trouble="",
            looked_at=began,
        )

    async def _known(self, namespace: MirroredNamespace, now: datetime) -> str:
        """The id of the namespace that has this name. What was asked less than a minute ago still holds."""
        name = namespace.namespace
        asked_at, id = self._ids.get(name, (datetime.min.replace(tzinfo=UTC), ""))
        if namespace.trouble or id != namespace.namespace_id or now - asked_at > HOLDS:
            described = await calls.describe_namespace(self._client, name)
            self._ids[name] = now, described.namespace_info.id
        return self._ids[name][1]

    async def _take_in_list(self, namespace: MirroredNamespace) -> None:
        """What started since the last look gets its row, what closed is looked at. At first, everything."""
        since = namespace.listed_until
        at = _rfc3339(since) if since else ""
        query = f"StartTime > '{at}' OR CloseTime > '{at}'" if at else ""
        async for page in listed(self._client, namespace.namespace, query):
            news = await in_database(
                discovering.take_in, namespace.namespace, list(map(listed_of, page)), epoch=self._lease.epoch
            )
            if news:
                self._lease.something_changed.set()

    async def _may_say_waiting(self, namespace: MirroredNamespace) -> bool:
        """Whether the search attribute is there; registered where that is allowed, never unregistered."""
        name = namespace.namespace
        if namespace.waiting_attribute:
            return True
        try:
            if await self._has_attribute(name):
                since = self._registered.get(name)
                return since is None or datetime.now(UTC) - since > SETTLED
            kinds = {WAITING_ATTRIBUTE.name: IndexedValueType.INDEXED_VALUE_TYPE_BOOL}
            await self._client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=name, search_attributes=kinds), timeout=PATIENCE
            )
            self._registered[name] = datetime.now(UTC)
        except RPCError as error:
            # Temporal Cloud has it made in its own pages; everything works without it.
            logger.debug("No search attribute in %s: %s", name, error.message)
        return False

    async def _has_attribute(self, namespace: str) -> bool:
        found = await self._client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=namespace), timeout=PATIENCE
        )
        kind = found.custom_attributes.get(WAITING_ATTRIBUTE.name)
        return kind == IndexedValueType.INDEXED_VALUE_TYPE_BOOL

    async def _keep(self, namespace: MirroredNamespace, **found: Any) -> None:
        await in_database(discovering.looked_at, namespace, epoch=self._lease.epoch, **found)


async def listed(client: Client, namespace: str, query: str) -> AsyncIterator[list[WorkflowExecutionInfo]]:
    """Pages of the executions that fit the query, by Temporal's visibility: eventually consistent."""
    token = b""
    while True:
        page = await client.workflow_service.list_workflow_executions(
            ListWorkflowExecutionsRequest(
                namespace=namespace, page_size=PAGE, next_page_token=token, query=query
            ),
            timeout=2 * PATIENCE,
        )
        yield list(page.executions)
        token = page.next_page_token
        if not token:
            return


def listed_of(info: WorkflowExecutionInfo) -> Listed:
    return Listed(
        workflow_id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        first_run_id=info.first_run_id or None,  # only some servers list it
        workflow_type=info.type.name,
        queue=info.task_queue,
        status=status_of(info.status),
        started_at=when(info.start_time),
        closed_at=when(info.close_time) if info.HasField("close_time") else None,
        parent_run_id=info.parent_execution.run_id,
    )


def status_of(number: int) -> RunStatus:
    """Of a status that a newer server brings, no more is said than that it runs."""
    return _STATUSES.get(number, RunStatus.RUNNING)


_STATUSES = {
    1: RunStatus.RUNNING,
    2: RunStatus.COMPLETED,
    3: RunStatus.FAILED,
    4: RunStatus.CANCELED,
    5: RunStatus.TERMINATED,
    6: RunStatus.CONTINUED_AS_NEW,
    7: RunStatus.TIMED_OUT,
    8: RunStatus.PAUSED,
}
"""By the numbers of ``WorkflowExecutionStatus``."""


def _in_words(namespace: MirroredNamespace, error: RPCError) -> str:
    if error.status == RPCStatusCode.NOT_FOUND:
        return (
            f"Temporal has no namespace {namespace.namespace!r}. What is shown was mirrored before it disappeared; "
            "nothing is lost if it comes back."
        )
    return f"Temporal did not list the namespace {namespace.namespace!r}: {error.message}"


def _is_another(namespace: MirroredNamespace, id: str) -> str:
    return (
        f"The namespace {namespace.namespace!r} at this Temporal server is another one than the one mirrored so far "
        f"(its id is {id}, not {namespace.namespace_id}). Its runs are left as they are. Point TEMPORAL_ADDRESS at "
        f"the old server, or accept the new one: manage.py mirror accept {namespace.namespace}"
    )


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
