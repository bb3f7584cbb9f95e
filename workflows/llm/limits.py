"""Waiting for a model's turn. Its rate is shared by all workers, through whatever keeps count for them."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from temporalio.exceptions import ApplicationError

from workflows.llm.calls import Message
from workflows.llm.kinds import FailureType

ANSWER = 500
"""Tokens that an answer is taken to have until it is there."""
CHARACTERS = 4
"""Of a token, about, in English text."""
STALE = 60.0
"""Seconds after which a slot that was not used is given up: many of them must not come together."""


@dataclass(frozen=True)
class Slot:
    """A moment from which on a model may be asked, in seconds since the epoch, and the tokens that it reserves."""

    model: str
    at: float
    tokens: int = 0


class Limiter(Protocol):
    """Keeps count for all workers. It never fails a call: where it cannot count, it lets it pass."""

    async def reserve(self, model: str, tokens: int) -> Slot | None:
        """The next slot that is free; None where nothing limits the model."""

    async def stands(self, slot: Slot) -> bool:
        """Whether the model has not asked, since the slot was given, to wait beyond it."""

    async def correct(self, slot: Slot, tokens: int) -> None:
        """It took so many tokens in truth."""

    async def hold(self, model: str, seconds: float) -> None:
        """The model asked to wait so long: nobody asks it until then."""


model_limiter: ContextVar[Limiter | None] = ContextVar("model_limiter", default=None)
"""Set by the worker's interceptor around an activity."""


@dataclass
class Turn:
    """``tokens`` are those that the call took, once they are known."""

    tokens: int | None = None


@asynccontextmanager
async def in_turn(
    model: str,
    tokens: int,
    *,
    patience: float,
    slot: Slot | None = None,
    on_wait: Callable[[Slot], None] | None = None,
) -> AsyncIterator[Turn]:
    """Ask the model inside of this. ``tokens`` is an estimate; ``slot`` one that an earlier attempt reserved.

    Waits for a slot that comes within ``patience`` seconds. One that comes later fails the attempt as
    ``RateLimited``, to be tried again when it comes; ``on_wait`` is told of it, to keep it until then. A failure
    by which the model itself says how long to wait holds it for everybody.
    """
    limiter = model_limiter.get()
    turn = Turn()
    if limiter is None:
        yield turn
        return
    taken = await _take(limiter, model, tokens, patience, slot, on_wait)
    try:
        yield turn
    except ApplicationError as error:
        if error.type == FailureType.RATE_LIMITED and error.next_retry_delay:
            await limiter.hold(model, error.next_retry_delay.total_seconds())
        raise
    finally:
        if taken is not None and turn.tokens is not None:
            await limiter.correct(taken, turn.tokens)


async def _take(
    limiter: Limiter,
    model: str,
    tokens: int,
    patience: float,
    slot: Slot | None,
    on_wait: Callable[[Slot], None] | None,
) -> Slot | None:
    end = time.time() + patience
    if slot is not None and (slot.model != model or slot.at < time.time() - STALE):
        slot = None
    while True:
        slot = slot or await limiter.reserve(model, tokens)
        if slot is None:
            return None
        if (seconds := slot.at - time.time()) > 0 and on_wait:
            on_wait(slot)
        if seconds > 0 and slot.at > end:
            raise ApplicationError(
                f"The rate of {model} leaves no room for another {math.ceil(seconds)} s.",
                type=FailureType.RATE_LIMITED.value,
                next_retry_delay=timedelta(seconds=seconds),
            )
        await asyncio.sleep(max(seconds, 0))
        if await limiter.stands(slot):
            return slot
        slot = None


def tokens_of(messages: Sequence[Message]) -> int:
    """About how many a call will take, in and out."""
    return len(json.dumps(list(messages), default=str)) // CHARACTERS + ANSWER
