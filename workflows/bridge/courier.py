"""Outbox → Temporal: in order for each workflow, side by side across workflows, nothing lost, nothing twice.

Every call carries the message's request id and an execution that was written down before the first try, so
Temporal drops what it has seen. A timeout therefore means "unknown", never "not sent": the same call is made again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from reviews.escalations import actions as escalations
from reviews.escalations.models import Decision
from reviews.failpoints import failpoint
from reviews.outbox import actions as outbox
from reviews.outbox.actions import StaleEpoch
from reviews.outbox.models import Message, MessageKind
from reviews.runs import mirroring
from reviews.runs.models import Run
from workflows.bridge import calls, controls
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease
from workflows.bridge.together import stopped

logger = logging.getLogger(__name__)
Lane = tuple[str, str, bool]
"""Namespace, workflow id, whether it is for updates: one message of a lane is on its way at a time."""
AT_ONCE = 50
UPDATES_AT_ONCE = 20
"""Beside the others: each waits for a worker, and may wait for long."""
UPDATE_TRIES = 6
"""Of 20 s each: so long a worker may be away before an update is given up."""
GIVEN_UP = (
    "No worker took it in time. Start a worker for the run's queue, then send it again; one that comes soon may "
    "still take this one."
)
LOOK_AGAIN = 1.0
FINAL = {
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.OUT_OF_RANGE,
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.ALREADY_EXISTS,
}
"""Temporal will say the same for ever. Everything else is worth another try."""
OF_THE_MOMENT = set(MessageKind) - {
    MessageKind.START,
    MessageKind.SIGNAL,
    MessageKind.CANCEL,
    MessageKind.TERMINATE,
}
"""Asked of a run as it stands: where its state does not allow them (FAILED_PRECONDITION), that is the answer."""
OF_ONE_EXECUTION = {
    MessageKind.RESET,
    MessageKind.PAUSE_ACTIVITY,
    MessageKind.UNPAUSE_ACTIVITY,
    MessageKind.RETRY_ACTIVITY,
}
"""They name an event or an activity that no successor has."""


class Courier:
    def __init__(self, client: Client, lease: Lease) -> None:
        self._client = client
        self._lease = lease
        self._busy: dict[Lane, asyncio.Task[None]] = {}
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        """Carry until cancelled. Raises :class:`StaleEpoch` when another bridge took over."""
        try:
            while True:
                self._lease.outbox_moved.clear()
                for message in await in_database(self._due):
                    self._carry(message)
                await self._next_call()
        finally:
            await stopped(self._busy.values())

    def _due(self) -> list[Message]:
        updates = Message.objects.due_updates()[: 4 * UPDATES_AT_ONCE]
        return [*Message.objects.due()[: 4 * AT_ONCE], *updates]

    def _carry(self, message: Message) -> None:
        is_update = message.kind == MessageKind.UPDATE
        lane = (message.namespace, message.workflow_id, is_update)
        beside = sum(other[2] == is_update for other in self._busy)
        if lane in self._busy or beside >= (UPDATES_AT_ONCE if is_update else AT_ONCE):
            return
        task = self._busy[lane] = asyncio.create_task(self._deliver(message))
        task.add_done_callback(lambda done: self._ended(lane, done))

    def _ended(self, lane: Lane, task: asyncio.Task[None]) -> None:
        del self._busy[lane]
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._lease.outbox_moved.set()  # the next message of this workflow may go
        elif not isinstance(error, StaleEpoch):
            logger.error("Delivery of a message for %s failed; trying again", lane[1], exc_info=error)
        elif not self._lost.done():
            self._lost.set_exception(error)

    async def _next_call(self) -> None:
        """Until a message comes, a delivery ends, a wait is over, or this bridge is no longer the one."""
        wake = asyncio.ensure_future(self._lease.outbox_moved.wait())
        works: set[asyncio.Future[Any]] = {wake, self._lost}
        await asyncio.wait(works, timeout=LOOK_AGAIN, return_when=asyncio.FIRST_COMPLETED)
        wake.cancel()
        if self._lost.done():
            self._lost.result()

    async def _deliver(self, message: Message) -> None:
        target = message.run_id or await in_database(_newest_execution, message)
        if target is None and message.kind != MessageKind.START:
            await self._refuse(message, "The run never started.")
            return
        if not await in_database(outbox.begin, message, target, epoch=self._lease.epoch):
            return
        try:
            made = await _CALLS[MessageKind(message.kind)](self._client, message)
        except RPCError as error:
            await self._failed(message, error)
        except (RuntimeError, OSError) as error:
            await in_database(outbox.try_again, message, str(error), epoch=self._lease.epoch)
        except calls.Rejected as error:
            await self._refuse(message, str(error))
        except controls.NotTaken:
            await self._not_taken(message)
        except (LookupError, TypeError, ValueError) as error:  # a body that cannot be sent
            await self._refuse(message, f"The message cannot be sent: {error!r}")
        else:
            failpoint(f"{message.kind}-before-mark")
            await in_database(self._sent, message, made)

    async def _failed(self, message: Message, error: RPCError) -> None:
        if error.status == RPCStatusCode.UNIMPLEMENTED:
            await self._refuse(message, f"This Temporal server cannot do it: {error.message}")
        elif error.status in FINAL or _is_answer(error, message):
            await self._refuse(message, error.message)
        elif error.status == RPCStatusCode.NOT_FOUND and not calls.is_namespace_missing(error):
            await self._not_found(message, error)
        else:
            wait = await in_database(outbox.try_again, message, error.message, epoch=self._lease.epoch)
            self._wake_in(wait)

    async def _not_found(self, message: Message, error: RPCError) -> None:
        """It was never delivered to this execution: its successor takes it, if there is one."""
        successor = None
        if message.kind not in (MessageKind.START, *OF_ONE_EXECUTION) and message.run_id:
            successor = await calls.successor(
                self._client, message.namespace, message.workflow_id, message.run_id
            )
        if successor is None:
            await self._refuse(message, error.message)
        else:
            await in_database(outbox.begin, message, successor, epoch=self._lease.epoch)

    async def _not_taken(self, message: Message) -> None:
        if message.attempts + 1 < UPDATE_TRIES:
            await in_database(
                outbox.try_again, message, "No worker has taken it yet.", epoch=self._lease.epoch
            )
        else:
            await self._refuse(message, GIVEN_UP)

    async def _refuse(self, message: Message, reason: str) -> None:
        logger.warning("Temporal refused the %s for %s: %s", message.kind, message.workflow_id, reason)
        await in_database(self._refused, message, reason)

    def _wake_in(self, wait: timedelta) -> None:
        asyncio.get_running_loop().call_later(wait.total_seconds(), self._lease.outbox_moved.set)

    def _sent(self, message: Message, made: str | None) -> None:
        """``made`` is the run id of an execution that there was not before."""
        # The receipt comes first: should we die between the two, the message is sent again and dropped there.
        if made is not None:
            mirroring.adopt(message.namespace, message.workflow_id, made)
        elif _is_decision(message):
            escalations.delivered(message.request_id)
        outbox.sent(message, epoch=self._lease.epoch)

    def _refused(self, message: Message, reason: str) -> None:
        if message.kind == MessageKind.START and message.subject:
            mirroring.start_refused(message.subject, reason)
        elif _is_decision(message):
            escalations.undeliverable(message.request_id, reason)
        outbox.refused(message, reason, epoch=self._lease.epoch)


def _is_answer(error: RPCError, message: Message) -> bool:
    return error.status == RPCStatusCode.FAILED_PRECONDITION and message.kind in OF_THE_MOMENT


def _is_decision(message: Message) -> bool:
    return message.kind == MessageKind.SIGNAL and Decision.objects.filter(id=message.request_id).exists()


def _newest_execution(message: Message) -> str | None:
    """The open execution of the workflow, else its newest."""
    runs = Run.objects.filter(namespace=message.namespace, workflow_id=message.workflow_id).exclude(
        run_id=None
    )
    newest = runs.open().order_by("-created_at").first() or runs.order_by("-created_at").first()
    return newest.run_id if newest else None


_CALLS: dict[MessageKind, Callable[[Client, Message], Awaitable[str | None]]] = {
    MessageKind.START: calls.start,
    MessageKind.SIGNAL: calls.signal,
    MessageKind.CANCEL: calls.cancel,
    MessageKind.TERMINATE: calls.terminate,
    MessageKind.UPDATE: controls.update,
    MessageKind.RESET: controls.reset,
    MessageKind.PAUSE: controls.pause,
    MessageKind.UNPAUSE: controls.unpause,
    MessageKind.PAUSE_ACTIVITY: controls.pause_activity,
    MessageKind.UNPAUSE_ACTIVITY: controls.unpause_activity,
    MessageKind.RETRY_ACTIVITY: controls.retry_activity,
}
