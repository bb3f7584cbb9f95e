"""An execution as it stands at this moment: what Describe says, and who polls the queues that it needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import (
    ParentClosePolicy,
    PendingActivityState,
    PendingNexusOperationState,
    PendingWorkflowTaskState,
    TaskQueueType,
    WorkflowExecutionStatus,
)
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflow.v1 import (
    PendingActivityInfo,
    PendingChildExecutionInfo,
    PendingNexusOperationInfo,
    PendingWorkflowTaskInfo,
)
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
)
from temporalio.client import Client

from reviews.runs.now import (
    ActivityNow,
    ChildNow,
    OperationNow,
    PauseNow,
    QueueNow,
    RunNow,
    TaskNow,
    WorkerNow,
)
from workflows.engine.decoding import failure_json, value_of, when

POLLED_LATELY = timedelta(seconds=75)
"""The length of a long poll, and some more."""
MOST_QUEUES = 6
_WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
_ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY
_ACTIVITY_STATES = {
    PendingActivityState.PENDING_ACTIVITY_STATE_SCHEDULED: "scheduled",
    PendingActivityState.PENDING_ACTIVITY_STATE_STARTED: "running",
    PendingActivityState.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED: "canceling",
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSED: "paused",
    PendingActivityState.PENDING_ACTIVITY_STATE_PAUSE_REQUESTED: "pausing",
}
_OPERATION_STATES = {
    PendingNexusOperationState.PENDING_NEXUS_OPERATION_STATE_SCHEDULED: "scheduled",
    PendingNexusOperationState.PENDING_NEXUS_OPERATION_STATE_BACKING_OFF: "waiting for its next try",
    PendingNexusOperationState.PENDING_NEXUS_OPERATION_STATE_STARTED: "running",
    PendingNexusOperationState.PENDING_NEXUS_OPERATION_STATE_BLOCKED: "blocked",
}
_ON_CLOSE = {
    ParentClosePolicy.PARENT_CLOSE_POLICY_TERMINATE: "is terminated with it",
    ParentClosePolicy.PARENT_CLOSE_POLICY_ABANDON: "outlives it",
    ParentClosePolicy.PARENT_CLOSE_POLICY_REQUEST_CANCEL: "is asked to cancel with it",
}
_OPEN = (
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_RUNNING,
    WorkflowExecutionStatus.WORKFLOW_EXECUTION_STATUS_PAUSED,
)


async def describe(
    client: Client, namespace: str, workflow_id: str, run_id: str | None, *, timeout: timedelta
) -> DescribeWorkflowExecutionResponse:
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=namespace, execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id or "")
        ),
        timeout=timeout,
    )


async def run_now(
    client: Client, namespace: str, workflow_id: str, run_id: str | None, *, timeout: timedelta
) -> RunNow:
    described = await describe(client, namespace, workflow_id, run_id, timeout=timeout)
    activities = [_activity(info) for info in described.pending_activities]
    queues: list[QueueNow] = []
    if described.workflow_execution_info.status in _OPEN:
        needed = _needed(described.execution_config.task_queue.name, activities)
        asked = (_queue(client, namespace, *queue, timeout=timeout) for queue in needed)
        queues = list(await asyncio.gather(*asked))
    return RunNow(
        task=_task(described.pending_workflow_task) if described.HasField("pending_workflow_task") else None,
        activities=activities,
        children=[_child(info) for info in described.pending_children],
        operations=[_operation(info) for info in described.pending_nexus_operations],
        queues=queues,
        pause=_pause(described),
    )


def _needed(own: str, activities: Sequence[ActivityNow]) -> list[tuple[str, bool, bool]]:
    """Name of each queue, whether the workflow runs there, whether an activity waits there for a worker."""
    waiting = {activity.queue or own for activity in activities if activity.state == "scheduled"}
    names = [own, *sorted(waiting - {own})]
    return [(name, name == own, name in waiting) for name in names[:MOST_QUEUES]]


async def _queue(
    client: Client, namespace: str, name: str, workflow: bool, activities: bool, *, timeout: timedelta
) -> QueueNow:
    async def polled(kind: TaskQueueType.ValueType) -> dict[str, datetime]:
        described = await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=namespace, task_queue=TaskQueue(name=name), task_queue_type=kind
            ),
            timeout=timeout,
        )
        seen = {poller.identity: when(poller.last_access_time) for poller in described.pollers}
        return {identity: at for identity, at in seen.items() if datetime.now(UTC) - at < POLLED_LATELY}

    for_workflows, for_activities = await asyncio.gather(polled(_WORKFLOWS), polled(_ACTIVITIES))
    last = {
        identity: max(polls[identity] for polls in (for_workflows, for_activities) if identity in polls)
        for identity in for_workflows | for_activities
    }
    workers = [
        WorkerNow(identity, at, identity in for_workflows, identity in for_activities)
        for identity, at in sorted(last.items())
    ]
    return QueueNow(name, workflow, activities, workers)


def _task(info: PendingWorkflowTaskInfo) -> TaskNow:
    started = info.state == PendingWorkflowTaskState.PENDING_WORKFLOW_TASK_STATE_STARTED
    return TaskNow(info.attempt, started, _when(info.original_scheduled_time) or _when(info.scheduled_time))


def _activity(info: PendingActivityInfo) -> ActivityNow:
    limit = info.activity_options.retry_policy.maximum_attempts or info.maximum_attempts
    return ActivityNow(
        id=info.activity_id,
        type=info.activity_type.name,
        state=_ACTIVITY_STATES.get(info.state, "unknown"),
        attempt=info.attempt,
        maximum_attempts=limit,
        queue=info.activity_options.task_queue.name,
        scheduled_at=_when(info.scheduled_time),
        started_at=_when(info.last_started_time),
        next_try_at=_when(info.next_attempt_schedule_time),
        failure=failure_json(info.last_failure) if info.HasField("last_failure") else None,
        progress=value_of(info.heartbeat_details) if info.HasField("heartbeat_details") else None,
        heartbeat_at=_when(info.last_heartbeat_time),
        worker=info.last_worker_identity,
        pause=_activity_pause(info),
    )


def _activity_pause(info: PendingActivityInfo) -> PauseNow | None:
    if not info.paused:
        return None
    manual = info.pause_info.manual
    return PauseNow(manual.identity, manual.reason, _when(info.pause_info.pause_time))


def _child(info: PendingChildExecutionInfo) -> ChildNow:
    return ChildNow(
        workflow_id=info.workflow_id,
        run_id=info.run_id,
        type=info.workflow_type_name,
        initiated_event=info.initiated_id,
        on_close=_ON_CLOSE.get(info.parent_close_policy, ""),
    )


def _operation(info: PendingNexusOperationInfo) -> OperationNow:
    failed = info.HasField("last_attempt_failure")
    return OperationNow(
        endpoint=info.endpoint,
        service=info.service,
        operation=info.operation,
        state=_OPERATION_STATES.get(info.state, "unknown"),
        attempt=info.attempt,
        scheduled_at=_when(info.scheduled_time),
        next_try_at=_when(info.next_attempt_schedule_time),
        failure=failure_json(info.last_attempt_failure) if failed else None,
        blocked=info.blocked_reason,
    )


def _pause(described: DescribeWorkflowExecutionResponse) -> PauseNow | None:
    extended = described.workflow_extended_info
    if not extended.HasField("pause_info"):
        return None
    return PauseNow(
        extended.pause_info.identity, extended.pause_info.reason, _when(extended.pause_info.paused_time)
    )


def _when(timestamp: Timestamp) -> datetime | None:
    """None where Temporal says nothing."""
    return when(timestamp) if timestamp.seconds > 0 else None
