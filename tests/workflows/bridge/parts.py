"""The bridge's parts in the test's own loop, on a lease that is really held."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from reviews.outbox import actions as outbox
from reviews.outbox.models import Message, MessageKind
from reviews.runs import mirroring
from reviews.runs.models import OPEN_STATUSES, Run
from tests.workflows.world import Handle, World, until
from workflows.bridge.courier import Courier
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease, lease
from workflows.bridge.mirror import Mirror
from workflows.bridge.sweep import Sweep
from workflows.bridge.together import together


@dataclass
class Parts:
    lease: Lease
    courier: Courier
    mirror: Mirror
    sweep: Sweep
    running: asyncio.Task[None]

    async def ended(self) -> bool:
        return self.running.done()


@asynccontextmanager
async def active(
    world: World, *, courier: bool = False, mirror: bool = False, sweep: bool = False
) -> AsyncIterator[Parts]:
    """Hold the lease and run the parts named; an error in one of them fails the test."""
    async with lease() as held:
        following = Mirror(world.client, held)
        carrying, sweeping = Courier(world.client, held), Sweep(world.client, held, following)
        works = [held.keep()]
        works += [carrying.run()] if courier else []
        works += [following.run()] if mirror else []
        works += [sweeping.run()] if sweep else []
        running = asyncio.create_task(together(*works))
        try:
            yield Parts(held, carrying, following, sweeping, running)
        finally:
            if running.done():
                running.result()
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running


class Killed(BaseException):
    """As a kill: nothing in the process handles it."""


def die(*_: object) -> None:
    raise Killed


@asynccontextmanager
async def killed(world: World) -> AsyncIterator[None]:
    """A mirror whose process is killed by what the block causes, which lets it call :func:`die`."""
    died = False
    try:
        async with active(world, mirror=True) as parts:
            yield
            await until(parts.ended, "the mirror died")
    except Killed:
        died = True
    assert died


async def adopt(world: World, handle: Handle) -> Run:
    """The row of an execution that the test started."""
    return await in_database(mirroring.adopt, world.client.namespace, handle.id, handle.run_id or "")


async def row(run: Run) -> Run:
    return await in_database(Run.objects.get, id=run.id)


async def row_of(handle: Handle) -> Run | None:
    return await in_database(Run.objects.filter(workflow_id=handle.id, run_id=handle.run_id).first)


async def mirrored(handle: Handle, *, closed: bool = True) -> Run:
    """The execution's row, once the mirror has seen it close (or anything at all)."""

    async def seen() -> Run | None:
        run = await row_of(handle)
        if run is None or run.last_event_id == 0 or (closed and run.status in OPEN_STATUSES):
            return None
        return run

    return await until(seen, f"{handle.id} is mirrored")


async def enqueue(run: Run | Handle, name: str = "please", input: Any = None, **fields: Any) -> Message:
    """A signal in the outbox, for a run or for a workflow that nobody has met."""
    target = {"workflow_id": run.workflow_id if isinstance(run, Run) else run.id}
    body = {"name": name, "input": input}
    message = {"namespace": "default", "body": body} | target | fields
    return await in_database(enqueued, **message)


def enqueued(kind: MessageKind = MessageKind.SIGNAL, **message: Any) -> Message:
    with transaction.atomic():
        request_id = outbox.enqueue(kind, **message)
    return Message.objects.get(request_id=request_id)


async def ended(*messages: Message) -> list[Message]:
    """The messages, once none of them is pending."""

    async def done() -> list[Message] | None:
        found = await in_database(
            lambda: list(Message.objects.filter(id__in=[m.id for m in messages]).order_by("id"))
        )
        return found if all(message.state != "pending" for message in found) else None

    return await until(done, "the messages are ended")
