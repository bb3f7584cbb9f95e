"""The rate of each model, kept for all workers together through the database.

Where nothing is limited and nothing is held, a call costs no query: whether a model is held is looked up once in a
few seconds, and known at once in the process that was told to wait.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import DatabaseError, InterfaceError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from reviews.runs import rates
from workflows.activities.database import with_database
from workflows.llm.limits import Limiter, Slot, model_limiter

logger = logging.getLogger(__name__)

T = TypeVar("T")

KNOWN = 3.0
"""Seconds for which a process goes by what it knows of a hold."""
PATIENCE = 3.0
"""Seconds to count; then the call passes uncounted."""
SPREAD = 1.0
"""Seconds over which those go on whom a hold has stopped, where no limit spaces them out."""


class SharedLimiter:
    """One for a worker. A database that is away lets every call pass."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="limiter")
        self._held: dict[str, tuple[float, float]] = {}  # until when, and known since

    async def reserve(self, model: str, tokens: int) -> Slot | None:
        key, limits = rates.limits_of(model)
        if not limits:
            until = await self._held_until(key)
            left = until - time.time()
            return Slot(model, until + random.uniform(0, min(SPREAD, left))) if left > 0 else None  # noqa: S311
        counted = await self._counted(rates.reserve, key, tokens, limits)
        if counted is None:
            return None
        slot, held = counted
        self._know(key, held)
        return Slot(model, time.time() + slot, tokens)

    async def stands(self, slot: Slot) -> bool:
        return slot.at >= await self._held_until(rates.limits_of(slot.model)[0]) - 0.01

    async def correct(self, slot: Slot, tokens: int) -> None:
        key, limits = rates.limits_of(slot.model)
        if limits.get("tokens_per_minute") and tokens != slot.tokens:
            await self._counted(rates.correct, key, tokens - slot.tokens, limits)

    async def hold(self, model: str, seconds: float) -> None:
        key, _ = rates.limits_of(model)
        self._know(key, seconds)
        await self._counted(rates.hold, key, seconds)

    async def _held_until(self, key: str) -> float:
        until, known_since = self._held.get(key, (0.0, 0.0))
        now = time.time()
        if until > now or known_since > now - KNOWN:
            return until
        self._held[key] = until, now  # others need not look it up as well
        self._know(key, await self._counted(rates.held_for, key) or 0.0)
        return self._held[key][0]

    def _know(self, key: str, held: float) -> None:
        """``held`` is in seconds from now. The longest hold counts; one that is over says nothing new."""
        now = time.time()
        until = self._held.get(key, (0.0, 0.0))[0]
        self._held[key] = max(until, now + held) if held > 0 else until, now

    async def _counted(self, function: Callable[..., T], *args: Any) -> T | None:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(
                loop.run_in_executor(self._threads, lambda: with_database(function)(*args)), PATIENCE
            )
        except (DatabaseError, InterfaceError, TimeoutError) as error:
            logger.warning("A model call is not counted: the database is away (%s)", error)
            return None


class LimitingInterceptor(Interceptor):
    """Gives each activity the worker's limiter."""

    def __init__(self) -> None:
        self._limiter = SharedLimiter()

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Inbound(next, self._limiter)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, next: ActivityInboundInterceptor, limiter: Limiter) -> None:
        super().__init__(next)
        self._limiter = limiter

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        token = model_limiter.set(self._limiter)
        try:
            return await super().execute_activity(input)
        finally:
            model_limiter.reset(token)
