"""The raw RPCs beyond start, signal, cancel and terminate, each so that a repeat does no harm.

Tried against server 1.32: an execution remembers an update's id, also after its close, and a pause's request id
while it is paused. It does not remember an unpause (the repeat is told that nothing is paused), and a reset's
request id is not looked at: each call resets once more.
"""

from __future__ import annotations

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import UpdateWorkflowExecutionLifecycleStage as Stage
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.update.v1 import Input, Meta, Request, UpdateRef, WaitPolicy
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    PauseActivityRequest,
    PauseWorkflowExecutionRequest,
    PollWorkflowExecutionUpdateRequest,
    ResetActivityRequest,
    ResetWorkflowExecutionRequest,
    UnpauseActivityRequest,
    UnpauseWorkflowExecutionRequest,
    UpdateWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.outbox.models import Message
from workflows.bridge.calls import (
    IDENTITY,
    LONG_PATIENCE,
    PATIENCE,
    Rejected,
    describe,
    execution_of,
    payloads_of,
)


class NotTaken(Exception):
    """No worker took the update in the time that Temporal waits for one (20 s)."""


async def update(client: Client, message: Message) -> None:
    """Return when the workflow has accepted it. Raises :class:`Rejected`, :class:`NotTaken` and ``RPCError``."""
    request = UpdateWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_execution=execution_of(message),
        wait_policy=WaitPolicy(lifecycle_stage=Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED),
        request=Request(
            meta=Meta(update_id=str(message.request_id), identity=IDENTITY),
            input=Input(name=message.body["name"], args=await payloads_of(client, message.body["arguments"])),
        ),
    )
    answer = await client.workflow_service.update_workflow_execution(request, timeout=LONG_PATIENCE)
    if answer.stage < Stage.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED:
        raise NotTaken
    if answer.outcome.HasField("failure") and not await _is_recorded(client, message):
        raise Rejected(f"The workflow refused it: {answer.outcome.failure.message}")


async def _is_recorded(client: Client, message: Message) -> bool:
    """An update that was accepted and then failed stands in the history; one that was rejected leaves no trace."""
    request = PollWorkflowExecutionUpdateRequest(
        namespace=message.namespace,
        update_ref=UpdateRef(workflow_execution=execution_of(message), update_id=str(message.request_id)),
        identity=IDENTITY,
    )
    try:
        await client.workflow_service.poll_workflow_execution_update(request, timeout=PATIENCE)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return False
        raise
    return True


async def reset(client: Client, message: Message) -> str:
    """Reset to the end of a workflow task; answers the new run id, of an earlier try's where there was one."""
    if earlier := await _reset_before(client, message):
        return earlier
    request = ResetWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_execution=execution_of(message),
        reason=_reason(message),
        workflow_task_finish_event_id=message.body["event_id"],
        request_id=str(message.request_id),
        identity=IDENTITY,
    )
    answer = await client.workflow_service.reset_workflow_execution(request, timeout=PATIENCE)
    return answer.run_id


def _reason(message: Message) -> str:
    """Known again by its number: nothing else of the request is kept in the new history."""
    return f"{message.body['reason']} #{message.id}"


async def _reset_before(client: Client, message: Message) -> str | None:
    """The execution that an earlier try of this message made, unless its base was reset once more since."""
    described = await describe(client, message.namespace, message.workflow_id, message.run_id or "")
    newest = described.workflow_extended_info.reset_run_id
    if not newest:
        return None
    event = await _event(client, message, newest, message.body["event_id"])
    made_by_us = event and event.workflow_task_failed_event_attributes.failure.message == _reason(message)
    return newest if made_by_us else None


async def _event(client: Client, message: Message, run_id: str, event_id: int) -> HistoryEvent | None:
    token = b""
    while True:
        page = await client.workflow_service.get_workflow_execution_history(
            GetWorkflowExecutionHistoryRequest(
                namespace=message.namespace,
                execution=WorkflowExecution(workflow_id=message.workflow_id, run_id=run_id),
                next_page_token=token,
            ),
            timeout=PATIENCE,
        )
        for event in page.history.events:
            if event.event_id == event_id:
                return event
        token = page.next_page_token
        if not token:
            return None


async def pause(client: Client, message: Message) -> None:
    request = PauseWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_id=message.workflow_id,
        run_id=message.run_id or "",
        identity=IDENTITY,
        reason=message.body["reason"],
        request_id=str(message.request_id),
    )
    try:
        await client.workflow_service.pause_workflow_execution(request, timeout=PATIENCE)
    except RPCError as error:
        if not (_is_so_already(error) and _is_paused(await _described(client, message))):
            raise


async def unpause(client: Client, message: Message) -> None:
    request = UnpauseWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_id=message.workflow_id,
        run_id=message.run_id or "",
        identity=IDENTITY,
        reason=message.body["reason"],
        request_id=str(message.request_id),
    )
    try:
        await client.workflow_service.unpause_workflow_execution(request, timeout=PATIENCE)
    except RPCError as error:
        if not _is_so_already(error) or _is_paused(await _described(client, message)):
            raise


async def pause_activity(client: Client, message: Message) -> None:
    request = PauseActivityRequest(
        namespace=message.namespace,
        execution=execution_of(message),
        id=message.body["activity_id"],
        identity=IDENTITY,
        reason=message.body["reason"],
        request_id=str(message.request_id),
    )
    try:
        await client.workflow_service.pause_activity(request, timeout=PATIENCE)
    except RPCError as error:
        described = await _described(client, message) if _is_so_already(error) else None
        if described is None or not _is_activity_paused(described, message.body["activity_id"]):
            raise


async def unpause_activity(client: Client, message: Message) -> None:
    request = UnpauseActivityRequest(
        namespace=message.namespace,
        execution=execution_of(message),
        id=message.body["activity_id"],
        identity=IDENTITY,
    )
    await client.workflow_service.unpause_activity(request, timeout=PATIENCE)


async def retry_activity(client: Client, message: Message) -> None:
    """A repeat counts the attempts from 1 once more; a paused activity goes on."""
    request = ResetActivityRequest(
        namespace=message.namespace,
        execution=execution_of(message),
        id=message.body["activity_id"],
        identity=IDENTITY,
    )
    await client.workflow_service.reset_activity(request, timeout=PATIENCE)


def _is_so_already(error: RPCError) -> bool:
    """So Temporal answers what asks for a state that is there; but other things too, so look."""
    return error.status == RPCStatusCode.FAILED_PRECONDITION


async def _described(client: Client, message: Message) -> DescribeWorkflowExecutionResponse:
    return await describe(client, message.namespace, message.workflow_id, message.run_id or "")


def _is_paused(described: DescribeWorkflowExecutionResponse) -> bool:
    return described.workflow_extended_info.HasField("pause_info")


def _is_activity_paused(described: DescribeWorkflowExecutionResponse, activity_id: str) -> bool:
    return any(info.paused for info in described.pending_activities if info.activity_id == activity_id)
