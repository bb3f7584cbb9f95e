"""The raw RPCs that carry a message: raw, since only they take a request id and an explicit run id."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import zstandard
from temporalio.api.common.v1 import Payloads, WorkflowExecution, WorkflowType
from temporalio.api.enums.v1 import (
    HistoryEventFilterType,
    WorkflowExecutionStatus,
    WorkflowIdConflictPolicy,
    WorkflowIdReusePolicy,
)
from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.api.sdk.v1 import UserMetadata
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeNamespaceRequest,
    DescribeNamespaceResponse,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
    RequestCancelWorkflowExecutionRequest,
    SignalWorkflowExecutionRequest,
    StartWorkflowExecutionRequest,
    TerminateWorkflowExecutionRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.outbox.models import Message
from reviews.runs.models import HistoryChunk
from workflows.bridge.database import in_database

PATIENCE = timedelta(seconds=5)
LONG_PATIENCE = timedelta(seconds=25)
"""For what a worker has to take: Temporal itself says after 20 s that none did."""
IDENTITY = "agentsite"


class Rejected(Exception):
    """The workflow, or what is missing here, refused the message for good; the words are for people."""


async def start(client: Client, message: Message) -> str:
    """Start the workflow; answers the run id. The same request id again answers the same run."""
    metadata = UserMetadata()
    if title := message.body.get("title"):
        metadata.summary.CopyFrom((await client.data_converter.encode([title[:200]]))[0])
    request = StartWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_id=message.workflow_id,
        workflow_type=WorkflowType(name=message.body["workflow_type"]),
        task_queue=TaskQueue(name=message.body["queue"]),
        input=await _input(client, message),
        identity=IDENTITY,
        request_id=str(message.request_id),
        workflow_id_reuse_policy=WorkflowIdReusePolicy.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
        workflow_id_conflict_policy=WorkflowIdConflictPolicy.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
        user_metadata=metadata,
    )
    try:
        response = await client.workflow_service.start_workflow_execution(request, timeout=PATIENCE)
    except RPCError as error:
        if error.status != RPCStatusCode.ALREADY_EXISTS:
            raise
        ours = await _started_by(client, message)
        if ours is None:
            raise
        return ours
    return response.run_id


async def _input(client: Client, message: Message) -> Payloads:
    """Of the message itself, or just as it stands at the beginning of another run."""
    if "input_of" not in message.body:
        return await payloads_of(client, [message.body["input"]])
    chunk = await in_database(_first_chunk, message.body["input_of"])
    if chunk is None:
        raise Rejected("The run whose input it should have is not kept any more.")
    first = History.FromString(zstandard.ZstdDecompressor().decompress(chunk)).events[0]
    return first.workflow_execution_started_event_attributes.input


def _first_chunk(run: str) -> bytes | None:
    chunk = HistoryChunk.objects.filter(run_id=run, first_event=1).values_list("data", flat=True).first()
    return bytes(chunk) if chunk is not None else None


async def _started_by(client: Client, message: Message) -> str | None:
    """The execution that an earlier try of this message started, which Temporal forgets when it continues as new."""
    newest = await describe(client, message.namespace, message.workflow_id)
    first = newest.workflow_execution_info.first_run_id
    described = await describe(client, message.namespace, message.workflow_id, first)
    return first if str(message.request_id) in described.workflow_extended_info.request_id_infos else None


async def signal(client: Client, message: Message) -> None:
    """With its one argument; a body without ``input`` is a signal that has none."""
    arguments = [message.body["input"]] if "input" in message.body else []
    request = SignalWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_execution=execution_of(message),
        signal_name=message.body["name"],
        input=await payloads_of(client, arguments),
        identity=IDENTITY,
        request_id=str(message.request_id),
    )
    await client.workflow_service.signal_workflow_execution(request, timeout=PATIENCE)


async def cancel(client: Client, message: Message) -> None:
    request = RequestCancelWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_execution=execution_of(message),
        identity=IDENTITY,
        request_id=str(message.request_id),
        reason=message.body.get("reason", ""),
    )
    await client.workflow_service.request_cancel_workflow_execution(request, timeout=PATIENCE)


async def terminate(client: Client, message: Message) -> None:
    request = TerminateWorkflowExecutionRequest(
        namespace=message.namespace,
        workflow_execution=execution_of(message),
        identity=IDENTITY,
        reason=message.body.get("reason", ""),
    )
    await client.workflow_service.terminate_workflow_execution(request, timeout=PATIENCE)


async def describe(
    client: Client, namespace: str, workflow_id: str, run_id: str = ""
) -> DescribeWorkflowExecutionResponse:
    """Of the newest execution when ``run_id`` is empty."""
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id)
        ),
        timeout=PATIENCE,
    )


async def describe_namespace(client: Client, name: str) -> DescribeNamespaceResponse:
    return await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=name), timeout=PATIENCE
    )


async def successor(client: Client, namespace: str, workflow_id: str, run_id: str) -> str | None:
    """The execution that goes on where ``run_id`` closed: its reset, or what its close event names."""
    try:
        described = await describe(client, namespace, workflow_id, run_id)
        if (
            described.workflow_execution_info.status
            == WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING
        ):
            return None
        reset = described.workflow_extended_info.reset_run_id
        return reset or await _named_by_close(client, namespace, workflow_id, run_id)
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _named_by_close(client: Client, namespace: str, workflow_id: str, run_id: str) -> str | None:
    history = await client.workflow_service.get_workflow_execution_history(
        GetWorkflowExecutionHistoryRequest(
            namespace=namespace,
            execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            history_event_filter_type=HistoryEventFilterType.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
        ),
        timeout=PATIENCE,
    )
    return _new_run_id(history.history.events[-1]) if history.history.events else None


def _new_run_id(event: HistoryEvent) -> str | None:
    attributes: Any = getattr(event, event.WhichOneof("attributes") or "", None)
    return getattr(attributes, "new_execution_run_id", "") or None


def is_namespace_missing(error: RPCError) -> bool:
    """The server says NOT_FOUND of a namespace too; that may be mended, so it is worth another try."""
    return any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details)


def execution_of(message: Message) -> WorkflowExecution:
    return WorkflowExecution(workflow_id=message.workflow_id, run_id=message.run_id or "")


async def payloads_of(client: Client, values: Sequence[Any]) -> Payloads:
    return Payloads(payloads=await client.data_converter.encode(values) if values else [])
