"""A workspace, its people and a worker of our own on a real Temporal server and a real database."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.common.v1 import Payload, Payloads, WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest, SignalWorkflowExecutionRequest
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Replayer, Worker

from reviews.escalations import actions as escalations
from reviews.escalations.models import Decision, Delivery, Escalation
from reviews.people.models import Account
from reviews.workspaces.models import Workspace
from tests.workflows.flows import FLOWS
from workflows import worker as workers
from workflows.bridge.database import in_database
from workflows.contracts import AGENTS_QUEUE, HUMAN_INPUT_SIGNAL, HUMAN_QUEUE
from workflows.recording import Recorder
from workflows.registry import STANDARD

T = TypeVar("T")
Handle = WorkflowHandle[Any, Any]
QUICK = workers.sandbox("workflows.agents", "tests.workflows.flows")
"""Importing each module anew for each run is most of what a test would take. That our workflows keep to the sandbox,
tests/workflows/agents/test_replay.py shows."""
PATIENCE = timedelta(seconds=90)
"""For a workflow that would wait for ever: its test fails then, and does not hang."""


async def until(condition: Callable[[], Awaitable[T | None]], what: str, timeout: float = 30.0) -> T:
    """Ask again and again until the answer is true, and return it; AssertionError after ``timeout`` seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + timeout
    while not (answer := await condition()):
        assert loop.time() < end, f"not within {timeout} s: {what}"
        await asyncio.sleep(0.02)
    return answer


@dataclass
class World:
    client: Client
    workspace: Workspace
    bob: Account
    queue: str = field(default_factory=lambda: f"flows-{uuid.uuid4().hex[:8]}")
    started: list[Handle] = field(default_factory=list)

    # Temporal's side

    async def start(self, workflow: Any, *args: Any, id: str | None = None, **options: Any) -> Handle:
        id = id or f"test-{uuid.uuid4().hex[:12]}"
        options.setdefault("task_queue", self.queue)
        options.setdefault("execution_timeout", PATIENCE)
        handle = await self.client.start_workflow(workflow, args=args, id=id, result_type=None, **options)
        handle = self.client.get_workflow_handle(id, run_id=handle.result_run_id)
        self.started.append(handle)
        return handle

    async def start_agent(self, name: str, input: dict[str, Any]) -> Handle:
        return await self.start(name, input, task_queue=AGENTS_QUEUE)

    async def newest(self, handle: Handle) -> Handle:
        """The newest execution of the handle's workflow, under its own run id."""
        info = await self.client.get_workflow_handle(handle.id).describe()
        newest = self.client.get_workflow_handle(handle.id, run_id=info.run_id)
        self.started.append(newest)
        return newest

    async def reset(self, handle: Handle, event_id: int, **options: Any) -> Handle:
        """As ``temporal workflow reset`` does; ``event_id`` is a workflow task's completion (or start)."""
        response = await self.client.workflow_service.reset_workflow_execution(
            ResetWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
                reason="test",
                workflow_task_finish_event_id=event_id,
                request_id=str(uuid.uuid4()),
                **options,
            )
        )
        fresh = self.client.get_workflow_handle(handle.id, run_id=response.run_id)
        self.started.append(fresh)
        return fresh

    async def send(
        self, handle: Handle, *payloads: Payload, request_id: str = "", name: str = HUMAN_INPUT_SIGNAL
    ) -> None:
        """A signal by the raw RPC, as anybody may send it."""
        await self.client.workflow_service.signal_workflow_execution(
            SignalWorkflowExecutionRequest(
                namespace=self.client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=handle.id, run_id=handle.run_id or ""),
                signal_name=name,
                input=Payloads(payloads=payloads),
                request_id=request_id,
            )
        )

    async def tell(self, handle: Handle, *values: Any, request_id: str = "") -> None:
        """The signal for human input with these values."""
        payloads = await self.client.data_converter.encode(values) if values else []
        await self.send(handle, *payloads, request_id=request_id)

    async def tell_to(self, handle: Handle, name: str) -> None:
        """A signal of the test's own workflows."""
        await self.send(handle, name=name)

    async def events(self, handle: Handle, *types: EventType.ValueType) -> list[HistoryEvent]:
        history = await handle.fetch_history()
        return [event for event in history.events if not types or event.event_type in types]

    async def signals(self, handle: Handle) -> list[Any]:
        """The arguments of the human input in the history, in order."""
        found = []
        for event in await self.events(handle, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED):
            attributes = event.workflow_execution_signaled_event_attributes
            if attributes.signal_name == HUMAN_INPUT_SIGNAL:
                found.append((await self.client.data_converter.decode(attributes.input.payloads))[0])
        return found

    async def replay(self) -> None:
        """Every history recorded here replays without nondeterminism."""
        replayer = Replayer(workflows=[*FLOWS, *STANDARD.workflows], workflow_runner=QUICK)
        for handle in {handle.run_id: handle for handle in self.started}.values():
            await replayer.replay_workflow(await handle.fetch_history())

    async def clean_up(self) -> None:
        for handle in self.started:
            try:
                await self.client.get_workflow_handle(handle.id).terminate(reason="the test is over")
            except RPCError:
                continue

    # Agentsite's side

    async def questions(self, handle: Handle) -> list[Escalation]:
        mine = Escalation.objects.filter(workflow_id=handle.id).select_related("run").order_by("opened_at")
        return await in_database(lambda: list(mine.all()))

    async def question(self, handle: Handle, *, number: int = 1) -> Escalation:
        """The ``number``-th question of the workflow, as soon as it is asked."""

        async def asked() -> Escalation | None:
            found = await self.questions(handle)
            return found[number - 1] if len(found) >= number else None

        return await until(asked, f"question {number} is asked")

    async def now(self, escalation: Escalation) -> Escalation:
        return await in_database(Escalation.objects.select_related("run").get, id=escalation.id)

    async def after_asks(self, handle: Handle, number: int = 1) -> int:
        """The workflow task that read the answer of the ``number``-th ask, once it is completed.

        A reset to it keeps what was asked until then.
        """

        async def done() -> int:
            asks = await self.events(handle, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            tasks = await self.events(handle, EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED)
            if len(asks) < number:
                return 0
            return next((task.event_id for task in tasks if task.event_id > asks[number - 1].event_id), 0)

        return await until(done, f"the workflow has read the answer of ask {number}")

    async def decide(self, escalation: Escalation, verdict: str = "approve", **options: Any) -> Decision:
        """By Bob."""
        options.setdefault("digest", escalation.digest)
        return await in_database(escalations.decide, escalation, by=self.bob, verdict=verdict, **options)

    async def input_of(self, decision: Decision) -> dict[str, Any]:
        return await in_database(escalations.human_input, decision)

    async def deliver(self, handle: Handle, decision: Decision, **changes: Any) -> None:
        """What the courier would send, with a request id of its own each time."""
        await self.tell(handle, await self.input_of(decision) | changes, request_id=str(uuid.uuid4()))

    async def deliver_late(self, handle: Handle, decision: Decision) -> None:
        """As the courier does: to the execution given, else to the one that went on."""
        try:
            await self.deliver(handle, decision)
        except RPCError as error:
            assert error.status == RPCStatusCode.NOT_FOUND
            await self.deliver(await self.newest(handle), decision)

    async def delivery(self, decision: Decision, *states: str) -> Delivery:
        """The delivery, once it is in one of these states."""

        async def reached() -> Delivery | None:
            delivery = await in_database(Delivery.objects.get, decision_id=decision.id)
            return delivery if not states or delivery.state in states else None

        return await until(reached, f"the delivery is {states}")


@asynccontextmanager
async def working(
    world: World,
    *,
    activities: Sequence[Callable[..., Any]] = (),
    agents: bool = False,
) -> AsyncIterator[Recorder]:
    """Workers as the site runs them, with the tests' workflows on a queue of their own.

    ``activities`` stand in for those that ask, settle and acknowledge.
    """
    recorder = Recorder("test")
    async with AsyncExitStack() as stack:
        threads = stack.enter_context(ThreadPoolExecutor(workers.THREADS))
        flows = Worker(
            world.client,
            task_queue=world.queue,
            workflows=FLOWS,
            workflow_runner=QUICK,
            graceful_shutdown_timeout=timedelta(0),
        )
        await stack.enter_async_context(flows)
        await stack.enter_async_context(_people_worker(world, threads, recorder, activities))
        if agents:
            served = replace(STANDARD, passthrough=("workflows.agents",))
            await stack.enter_async_context(workers.agents_worker(world.client, threads, recorder, served))
        yield recorder
    recorder.close()


def _people_worker(
    world: World, threads: ThreadPoolExecutor, recorder: Recorder, activities: Sequence[Callable[..., Any]]
) -> Worker:
    if not activities:
        return workers.human_worker(world.client, threads, recorder)
    return Worker(world.client, task_queue=HUMAN_QUEUE, activities=activities, activity_executor=threads)
