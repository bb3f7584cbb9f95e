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
    timeout: float | None = None,
    kept: Any = None,
    again: bool = True,
    pace: float = GLANCE,
    tail: int = TAIL,
    **options: Any,
) -> Completion:
    """Ask the model once, as ``workflows.llm.client.complete`` does, with its ``options``.

    ``shape`` is the JSON Schema that the answer, one JSON object, has to have. An answer of another shape, or that is
    no JSON, or that calls a tool as it cannot be called, fails the attempt as ``MalformedAnswer``, and the next
    attempt tells the model what was wrong with it. ``timeout``, in seconds, is for an activity of several calls; a
    single one has the activity's own. ``kept`` goes along with each heartbeat, as second detail, so that the next
    attempt finds it. ``again`` says that the attempt before may have ended in this call. The last ``tail`` characters
    of what is written are told each ``pace`` seconds.
    """
    # The model's client takes a second to import: the worker fetches it while it polls already.
    from workflows.llm.client import complete

    before = _Remembered.of(activity.info().heartbeat_details) if again else _Remembered()
    limit = activity.info().start_to_close_timeout
    timeout = timeout or (limit.total_seconds() - MARGIN if limit else 60.0)
    progress = _Progress(before, tail, () if kept is None else (kept,))
    async with _beating(progress, pace):
        try:
            answer = await complete(
                _corrected(messages, before.fault),
                purpose=purpose,
                timeout=timeout,
                stream=True,
                on_token=progress.written.append,
                json_object=shape is not None,
                slot=before.slot,
                on_wait=progress.wait,
                **options,
            )
            if shape is not None and (faults := faults_of(answer.data, shape)):
                where, what = faults[0].pointer or "/", faults[0].message
                raise ApplicationError(
                    f"The answer has another shape at {where[:200]}: {what[:500]}", type=MALFORMED_ANSWER
                )
        except ApplicationError as error:
            if error.type == MALFORMED_ANSWER and (shape is not None or options.get("tools")):
                progress.tell({"fault": error.message})
            raise
    return answer


def _corrected(messages: Sequence[Message], fault: str | None) -> list[Message]:
    """With what was wrong with the answer before, at the end of the last message."""
    if not fault:
        return list(messages)
    correction = f"\n\n{CORRECTION} {fault}\nAnswer again, in the form that was asked for."
    return [*messages[:-1], {**messages[-1], "content": f"{messages[-1]['content']}{correction}"}]


@dataclass(frozen=True)
class _Remembered:
    """What the attempt before left in its heartbeat: the fault of its answer, and a slot that it waited for."""

    fault: str | None = None
    slot: Slot | None = None

    @classmethod
    def of(cls, details: Sequence[Any]) -> _Remembered:
        match details:
            case [{"slot": {"model": str(model), "at": float(at), "tokens": int(tokens)}, **rest}, *_]:
                fault = rest.get("fault")
                return cls(fault if isinstance(fault, str) else None, Slot(model, at, tokens))
            case [{"fault": str(fault)}, *_]:
                return cls(fault)
        return cls()


class _Progress:
    """What this attempt has come to, as its heartbeat says; ``kept`` goes along."""

    def __init__(self, remembered: _Remembered, tail: int, kept: tuple[Any, ...]) -> None:
        self.written: list[str] = []
        self._slot: Slot | None = None
        self._inherits_slot = remembered.slot is not None
        self._fault = remembered.fault
        self._tail = tail
        self._kept = kept

    @property
    def keeps(self) -> bool:
        """Whether the next attempt would find what it must not if this one ended without a heartbeat: too little, or
        a slot that was used up."""
        return bool(self._kept) or self._inherits_slot

    def wait(self, slot: Slot) -> None:
        self._slot = slot
        self.tell(self.details())

    def tell(self, details: dict[str, Any]) -> None:
        activity.heartbeat(details, *self._kept)

    def details(self) -> dict[str, Any]:
        if self._slot is not None and not self.written and self._slot.at > time.time():
            return {"slot": asdict(self._slot)} | ({"fault": self._fault} if self._fault else {})
        text = "".join(self.written)
        return {"characters": len(text), "text": text[-self._tail :]}


@asynccontextmanager
async def _beating(progress: _Progress, pace: float) -> AsyncIterator[None]:
    """Heartbeat with what is written so far, also while the model is silent.

    A model that answers at once costs no heartbeat: there was nothing to see, and nothing to keep.
    """

    async def beat() -> None:
        told, told_at = None, 0.0
        if not progress.keeps:
            await asyncio.sleep(pace)
        while True:
            details = progress.details()
            if details != told or time.monotonic() - told_at >= BEAT:
                progress.tell(details)
                told, told_at = details, time.monotonic()
            await asyncio.sleep(pace)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()
