"""What a Temporal server says of itself: its version, and who polls its queues."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    GetSystemInfoRequest,
)
from temporalio.client import Client


async def server_version(client: Client) -> str:
    """As the server says, such as `1.32.0`; empty where it does not (Temporal Cloud may not)."""
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    return info.server_version


@dataclass(frozen=True)
class Poller:
    """A worker that asks a task queue for activities."""

    identity: str
    last_access: datetime
    """UTC; the server lists a poller for minutes after its last poll."""


async def pollers(client: Client, queue: str) -> list[Poller]:
    """Who polls the task queue for activities. An unknown namespace raises RPCError."""
    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=queue),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        )
    )
    return [
        Poller(poller.identity, poller.last_access_time.ToDatetime(tzinfo=UTC))
        for poller in described.pollers
    ]


async def is_polled(client: Client, queue: str) -> bool:
    """Whether somebody has polled the queue within the length of a long poll (60 s)."""
    oldest = datetime.now(UTC) - timedelta(seconds=75)
    return any(poller.last_access > oldest for poller in await pollers(client, queue))
