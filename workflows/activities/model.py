"""One call of a model inside an activity. Temporal retries it; a background task beats for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.runs.faults import faults_of
from workflows.contracts import MALFORMED_ANSWER
from workflows.llm.calls import CORRECTION, Message

if TYPE_CHECKING:
    from workflows.llm.client import Completion

BEAT = 2.0
"""Seconds; well below the heartbeat timeout, above what the SDK throttles."""
MARGIN = 2.0
"""Seconds before start_to_close at which the call gives up by itself, so that it says what it waited for."""
TAIL = 280
"""Characters of the answer so far that the run's page shows while it is written."""


async def call(
    purpose: str,
    system: str,
    user: str,
    *,
    before: Sequence[Message] = (),
    **options: Any,
) -> Completion:
    """Ask the model once. ``before`` are earlier messages, between ``system`` and ``user``; the ``options`` are those
    of :func:`converse`.
    """
    messages = [{"role": "system", "content": system}, *before, {"role": "user", "content": user}]
    return await converse(purpose, messages, **options)


async def converse(
    purpose: str,
    messages: Sequence[Message],
    *,
    shape: dict[str, Any] | None = None,
    pace: float = BEAT,
    tail: int = TAIL,
    **options: Any,
) -> Completion:
    """Ask the model once, as ``workflows.llm.client.complete`` does, with its ``options``.

    ``shape`` is the JSON Schema that the answer, one JSON object, has to have. An answer of another shape, or that is
    no JSON, or that calls a tool as it cannot be called, fails the attempt as ``MalformedAnswer``, and the next
    attempt tells the model what was wrong with it. The last ``tail`` characters of what is written are told each
    ``pace`` seconds.
    """
    # The model's client takes a second to import: the worker fetches it while it polls already.
    from workflows.llm.client import complete

    limit = activity.info().start_to_close_timeout
    timeout = limit.total_seconds() - MARGIN if limit else 60.0
    async with _beating(pace, tail) as written:
        try:
            answer = await complete(
                _corrected(messages),
                purpose=purpose,
                timeout=timeout,
                stream=True,
                on_token=written.append,
                json_object=shape is not None,
                **options,
            )
            if shape is not None and (faults := faults_of(answer.data, shape)):
                where, what = faults[0].pointer or "/", faults[0].message
                raise ApplicationError(
                    f"The answer has another shape at {where}: {what}", type=MALFORMED_ANSWER
                )
        except ApplicationError as error:
            if error.type == MALFORMED_ANSWER and (shape is not None or options.get("tools")):
                activity.heartbeat({"fault": error.message})
            raise
    return answer


def _corrected(messages: Sequence[Message]) -> list[Message]:
    """With what was wrong with the answer before, at the end of the last message."""
    fault = _last_fault()
    if fault is None:
        return list(messages)
    correction = f"\n\n{CORRECTION} {fault}\nAnswer again, in the form that was asked for."
    return [*messages[:-1], {**messages[-1], "content": f"{messages[-1]['content']}{correction}"}]


def _last_fault() -> str | None:
    """What was wrong with the answer to the attempt before; an attempt that failed otherwise says nothing."""
    match activity.info().heartbeat_details:
        case [{"fault": str(fault)}]:
            return fault
    return None


@asynccontextmanager
async def _beating(pace: float, tail: int) -> AsyncIterator[list[str]]:
    """Heartbeat with what is written so far, also while the model is silent."""
    written: list[str] = []

    async def beat() -> None:
        told, at = "", -BEAT
        while True:
            text = "".join(written)
            if text != told or time.monotonic() - at >= BEAT:
                activity.heartbeat({"characters": len(text), "text": text[-tail:]})
                told, at = text, time.monotonic()
            await asyncio.sleep(pace)

    task = asyncio.create_task(beat())
    try:
        yield written
    finally:
        task.cancel()
