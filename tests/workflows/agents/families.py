"""A run's children, and what they left."""

from __future__ import annotations

import json
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionStatus, WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from reviews.artifacts import queries
from reviews.artifacts.models import Version
from tests.workflows.world import Handle, World, until
from workflows.bridge.database import in_database


async def child_of(agents: World, handle: Handle, name: str) -> Handle:
    """The child of this name, as soon as it is there. It must replay, as its parent must."""

    async def started() -> Handle | None:
        try:
            return await agents.newest(agents.client.get_workflow_handle(f"{handle.id}/{name}"))
        except RPCError:
            return None

    return await until(started, f"the child {name} is started")


async def status_of(handle: Handle) -> str:
    status = (await handle.describe()).status
    assert status is not None
    return status.name


async def closed(handle: Handle) -> str:
    """Its status, once it is another than running."""

    async def ended() -> str | None:
        status = (await handle.describe()).status
        return status.name if status not in (None, WorkflowExecutionStatus.RUNNING) else None

    return await until(ended, f"{handle.id} closes")


async def failure_of(handle: Handle) -> ApplicationError:
    try:
        await handle.result()
    except WorkflowFailureError as error:
        assert isinstance(error.cause, ApplicationError)
        return error.cause
    raise AssertionError(f"{handle.id} did not fail")


async def started_as(agents: World, handle: Handle) -> Any:
    """The attributes of the event that started it: its timeouts, its retry policy, its parent."""
    [started] = await agents.events(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
    return started.workflow_execution_started_event_attributes


async def text_of(version_id: str) -> str:
    def read() -> str:
        text = queries.text(Version.objects.select_related("blob").get(id=version_id))
        assert text is not None
        return text

    return await in_database(read)


async def json_of(version_id: str) -> Any:
    return json.loads(await text_of(version_id))
