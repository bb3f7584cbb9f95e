"""One call of a model inside an activity. Temporal retries it; a background task beats for it."""

from __future__ import annotations

import asyncio
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
    shape: dict[str, Any] | None = None,
    timeout: float | None = None,
    kept: Any = None,
    again: bool = True,
    **options: Any,
) -> Completion:
    """Ask the model once, as ``workflows.llm.client.complete`` does, with its ``options``.

    ``before`` are earlier messages, between ``system`` and ``user``. ``shape`` is the JSON Schema that the answer,
    one JSON object, has to have. An answer of another shape, or that is no JSON, fails the attempt as
    ``MalformedAnswer``, and the next attempt tells the model what was wrong with it. ``timeout``, in seconds, is for
    an activity of several calls; a single one has the activity's own. ``kept`` goes along with each heartbeat, as
    second detail, so that the next attempt finds it. ``again`` says that the attempt before may have ended in this call.
    """
    # The model's client takes a second to import: the worker fetches it while it polls already.
    from workflows.llm.client import complete

    if again and (fault := _last_fault()):
        user += f"\n\n{CORRECTION} {fault}\nAnswer again, in the form that was asked for."
    messages = [{"role": "system", "content": system}, *before, {"role": "user", "content": user}]
    limit = activity.info().start_to_close_timeout
    timeout = timeout or (limit.total_seconds() - MARGIN if limit else 60.0)
    more = () if kept is None else (kept,)
    async with _beating(*more) as written:
        try:
            answer = await complete(
                messages,
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
            if error.type == MALFORMED_ANSWER and shape is not None:
                activity.heartbeat({"fault": error.message}, *more)
            raise
    return answer


def _last_fault() -> str | None:
    """What was wrong with the answer to the attempt before; an attempt that failed otherwise says nothing."""
    match activity.info().heartbeat_details:
        case [{"fault": str(fault)}, *_]:
            return fault
    return None


@asynccontextmanager
async def _beating(*kept: Any) -> AsyncIterator[list[str]]:
    """Heartbeat with what is written so far, also while the model is silent."""
    written: list[str] = []

    async def beat() -> None:
        while True:
            text = "".join(written)
            activity.heartbeat({"characters": len(text), "text": text[-TAIL:]}, *kept)
            await asyncio.sleep(BEAT)

    task = asyncio.create_task(beat())
    try:
        yield written
    finally:
        task.cancel()
