"""Interceptors of the worker: they note attempts, heartbeats and model calls as they happen.

Nothing here may fail an activity: what cannot be written waits in memory, and is dropped, said in the log,
when too much waits.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from django.db import InterfaceError, OperationalError, connections
from temporalio import activity
from temporalio.exceptions import ApplicationError, is_cancelled_exception
from temporalio.worker import (
    ActivityInboundInterceptor,
    ActivityOutboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
)

from reviews.runs.models import Attempt
from reviews.runs.recording import AttemptSeen, Execution, ModelCallSeen, record
from workflows.llm.calls import ModelCall, call_recorder

logger = logging.getLogger(__name__)
MOST_WAITING = 20_000
BATCH = 200
GATHER = 0.02
"""Seconds to gather what happens together before writing it."""
GATHER_WHEN_BUSY = 0.25
BUSY = 4
"""Writes within a second from which on more is gathered for each: it has its price, however little is in it."""


class Recorder:
    """A thread that writes what is noted, in order, and tries again when the database is away."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._waiting: queue.Queue[AttemptSeen | ModelCallSeen] = queue.Queue(MOST_WAITING)
        self._recent: deque[float] = deque(maxlen=BUSY)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write_all, name="recorder", daemon=True)
        self._thread.start()

    def note(self, seen: AttemptSeen | ModelCallSeen) -> None:
        try:
            self._waiting.put_nowait(seen)
        except queue.Full:
            logger.error("Too much waits to be recorded; dropped %s", seen)

    def close(self, patience: float = 3.0) -> None:
        """Write what waits, for at most ``patience`` seconds."""
        self._stopping.set()
        self._thread.join(patience)

    def _write_all(self) -> None:
        while not (self._stopping.is_set() and self._waiting.empty()):
            if batch := self._next_batch():
                self._write(batch)

    def _next_batch(self) -> list[AttemptSeen | ModelCallSeen]:
        try:
            batch = [self._waiting.get(timeout=0.5)]
        except queue.Empty:
            return []
        busy = self._is_busy()
        if self._waiting.qsize() < BATCH:
            self._stopping.wait(GATHER_WHEN_BUSY if busy else GATHER)
        while len(batch) < BATCH and not self._waiting.empty():
            batch.append(self._waiting.get_nowait())
        return batch

    def _is_busy(self) -> bool:
        now = time.monotonic()
        self._recent.append(now)
        return len(self._recent) == BUSY and self._recent[0] > now - 1

    def _write(self, batch: list[AttemptSeen | ModelCallSeen]) -> None:
        wait = 0.2
        while True:
            try:
                record(batch)
                return
            except (OperationalError, InterfaceError) as error:
                logger.warning("Recording %d notes failed (%s); trying again", len(batch), error)
                if self._stopping.wait(wait):
                    return
                wait = min(wait * 2, 5.0)
            except Exception as error:  # noqa: BLE001 (the activities go on whatever happens here)
                self._write_one_by_one(batch, error)
                return
            finally:
                connections.close_all()

    def _write_one_by_one(self, batch: list[AttemptSeen | ModelCallSeen], error: Exception) -> None:
        """One of them cannot be written, now or ever: it must not take the others along."""
        if len(batch) == 1:
            logger.error("Dropped a note that cannot be recorded (%s): %s", error, batch[0])
            return
        for seen in batch:
            self._write([seen])


class RecordingInterceptor(Interceptor):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._recorder)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, recorder: Recorder) -> None:
        super().__init__(next)
        self._recorder = recorder

    def init(self, outbound: ActivityOutboundInterceptor) -> None:
        super().init(_Outbound(outbound, self._recorder))

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        if not activity.info().in_workflow:  # there is no run to note it for
            return await super().execute_activity(input)
        attempt = _ThisAttempt(self._recorder)
        attempt.note()
        token = call_recorder.set(attempt.note_call)
        try:
            result = await super().execute_activity(input)
        except BaseException as error:
            canceled = is_cancelled_exception(error)
            outcome = Attempt.Outcome.CANCELED if canceled else Attempt.Outcome.FAILED
            attempt.note(outcome, _failure(error))
            raise
        finally:
            call_recorder.reset(token)
        attempt.note(Attempt.Outcome.COMPLETED)
        return result


class _Outbound(ActivityOutboundInterceptor):
    def __init__(self, next: ActivityOutboundInterceptor, recorder: Recorder) -> None:
        super().__init__(next)
        self._recorder = recorder
        self._noted: Any = None

    def heartbeat(self, *details: Any) -> None:
        """Temporal is told now and then; people see each progress at once."""
        super().heartbeat(*details)
        if details and details[0] != self._noted and activity.info().in_workflow:
            self._noted = details[0]
            _ThisAttempt(self._recorder).note(progress=details[0])


class _ThisAttempt:
    """The attempt that the current activity context is."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._info = activity.info()
        self._execution = Execution(
            self._info.workflow_namespace or self._info.namespace,
            self._info.workflow_id or "",
            self._info.workflow_run_id or "",
            self._info.workflow_type or "",
        )

    def note(
        self,
        outcome: str = Attempt.Outcome.RUNNING,
        failure: dict[str, Any] | None = None,
        progress: Any = None,
    ) -> None:
        ended = None if outcome == Attempt.Outcome.RUNNING else datetime.now(UTC)
        info = self._info
        self._recorder.note(
            AttemptSeen(
                self._execution,
                info.activity_id,
                info.activity_type,
                info.attempt,
                self._recorder.worker,
                info.started_time,
                outcome,
                ended,
                failure,
                progress,
            )
        )

    def note_call(self, call: ModelCall) -> None:
        error = {"type": call.error_kind, "message": call.error_message or ""} if call.error_kind else None
        fields = {
            "activity_id": self._info.activity_id,
            "attempt": self._info.attempt,
            "purpose": call.purpose[:200],
            "model": call.model[:200],
            "endpoint": call.host[:255],
            "demo": call.demo,
            "messages": _plain(call.messages),
            "answer": call.answer or "",
            "error": error,
            "finish_reason": (call.finish_reason or "")[:40],
            "tokens_in": call.tokens_in,
            "tokens_out": call.tokens_out,
            "tokens_cached": call.tokens_cached,
            "started_at": call.started_at,
            "duration_ms": call.duration_ms,
        }
        self._recorder.note(ModelCallSeen(self._execution, call.id, fields))


def _failure(error: BaseException) -> dict[str, Any]:
    if isinstance(error, ApplicationError):
        delay = error.next_retry_delay.total_seconds() if error.next_retry_delay else None
        return {
            "type": error.type or "ApplicationError",
            "message": error.message,
            "retryable": not error.non_retryable,
            "next_retry_seconds": delay,
        }
    return {
        "type": type(error).__name__,
        "message": str(error),
        "retryable": True,
        "next_retry_seconds": None,
    }


def _plain(messages: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(message) for message in messages]
