"""One call of a model inside an activity. Temporal retries it; a background task beats for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.runs.faults import faults_of
from workflows.contracts import MALFORMED_ANSWER
from workflows.llm.calls import CORRECTION, Message
from workflows.llm.limits import Slot

if TYPE_CHECKING:
    from workflows.llm.client import Completion

BEAT = 2.0
"""Seconds between heartbeats of a model that is silent; well below the heartbeat timeout."""
GLANCE = 0.5
"""Seconds between those of one that writes, for the run's page: the SDK passes on to Temporal what it needs."""
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
    **options: Any,
) -> Completion:
    """Ask the model once, as ``workflows.llm.client.complete`` does, with its ``options``.

    ``before`` are earlier messages, between ``system`` and ``user``. ``shape`` is the JSON Schema that the answer,
    one JSON object, has to have. An answer of another shape, or that is no JSON, fails the attempt as
    ``MalformedAnswer``, and the next attempt tells the model what was wrong with it.
    """
    # The model's client takes a second to import: the worker fetches it while it polls already.
    from workflows.llm.client import complete

    before_it = _Remembered.of(activity.info().heartbeat_details)
    if before_it.fault:
        user += f"\n\n{CORRECTION} {before_it.fault}\nAnswer again, in the form that was asked for."
    messages = [{"role": "system", "content": system}, *before, {"role": "user", "content": user}]
    limit = activity.info().start_to_close_timeout
    timeout = limit.total_seconds() - MARGIN if limit else 60.0
    async with _beating(before_it) as progress:
        try:
            answer = await complete(
                messages,
                purpose=purpose,
                timeout=timeout,
                stream=True,
                on_token=progress.written.append,
                json_object=shape is not None,
                slot=before_it.slot,
                on_wait=progress.wait,
                **options,
            )
            if shape is not None and (faults := faults_of(answer.data, shape)):
                where, what = faults[0].pointer or "/", faults[0].message
                raise ApplicationError(
                    f"The answer has another shape at {where[:200]}: {what[:500]}", type=MALFORMED_ANSWER
                )
        except ApplicationError as error:
            if error.type == MALFORMED_ANSWER and shape is not None:
                activity.heartbeat({"fault": error.message})
            raise
    return answer


@dataclass(frozen=True)
class _Remembered:
    """What the attempt before left in its heartbeat: the fault of its answer, and a slot that it waited for."""

    fault: str | None = None
    slot: Slot | None = None

    @classmethod
    def of(cls, details: Sequence[Any]) -> _Remembered:
        match details:
            case [{"slot": {"model": str(model), "at": float(at), "tokens": int(tokens)}, **rest}]:
                fault = rest.get("fault")
                return cls(fault if isinstance(fault, str) else None, Slot(model, at, tokens))
            case [{"fault": str(fault)}]:
                return cls(fault)
        return cls()


class _Progress:
    """What this attempt has come to, as its heartbeat says."""

    def __init__(self, remembered: _Remembered) -> None:
        self.written: list[str] = []
        self._slot: Slot | None = None
        self._fault = remembered.fault

    def wait(self, slot: Slot) -> None:
        self._slot = slot
        activity.heartbeat(self.details())

    def details(self) -> dict[str, Any]:
        if self._slot is not None and not self.written and self._slot.at > time.time():
            return {"slot": asdict(self._slot)} | ({"fault": self._fault} if self._fault else {})
        text = "".join(self.written)
        return {"characters": len(text), "text": text[-TAIL:]}


@asynccontextmanager
async def _beating(remembered: _Remembered) -> AsyncIterator[_Progress]:
    """Heartbeat with what is written so far, also while the model is silent."""
    progress = _Progress(remembered)

    async def beat() -> None:
        told, told_at = None, 0.0
        while True:
            details = progress.details()
            if details != told or time.monotonic() - told_at >= BEAT:
                activity.heartbeat(details)
                told, told_at = details, time.monotonic()
            await asyncio.sleep(GLANCE)

    task = asyncio.create_task(beat())
    try:
        yield progress
    finally:
        task.cancel()
