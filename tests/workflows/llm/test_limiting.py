"""A model's rate is kept by all workers together: counted in PostgreSQL, tried against a model that says 429."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings
from temporalio.exceptions import ApplicationError

from reviews.runs import rates
from reviews.runs.models import ModelRate
from workflows import limiting
from workflows.bridge.database import in_database
from workflows.limiting import SharedLimiter
from workflows.llm import client
from workflows.llm.client import close_clients, complete
from workflows.llm.limits import ANSWER, Slot, in_turn, model_limiter, tokens_of

from .conftest import Demo

pytestmark = pytest.mark.django_db(transaction=True)

A_MINUTE = 1200
WORKERS = 10
CALLS = 4
MESSAGES = [{"role": "user", "content": "How tall is the oak?"}]


def asked_by_all(limiters: list[SharedLimiter | None]) -> list[str]:
    """The outcome of each call; every worker is a thread with an event loop, and makes its calls at once."""

    warm = Barrier(len(limiters))

    async def work(limiter: SharedLimiter | None) -> list[str]:
        model_limiter.set(limiter)
        client.running_client()  # a worker makes it once, in a tenth of a second: ten at once would keep each other waiting
        await asyncio.to_thread(warm.wait)
        outcomes = await asyncio.gather(*(ask() for _ in range(CALLS)))
        await close_clients()
        return outcomes

    async def ask() -> str:
        try:
            await complete(MESSAGES, purpose="height", timeout=20)
        except ApplicationError as error:
            return error.type or ""
        return "answered"

    with ThreadPoolExecutor(len(limiters)) as threads:
        return [
            one for outcomes in threads.map(lambda it: asyncio.run(work(it)), limiters) for one in outcomes
        ]


def test_ten_workers_that_share_the_rate_are_never_told_to_wait(demo: Demo, settings: Settings) -> None:
    settings.MODEL_LIMITS = f'{{"gpt-4o-mini": {{"requests_per_minute": {A_MINUTE}}}}}'
    demo.control("limit", requests_per_minute=A_MINUTE).raise_for_status()
    began = time.monotonic()
    assert asked_by_all([SharedLimiter() for _ in range(WORKERS)]) == ["answered"] * WORKERS * CALLS
    assert time.monotonic() - began > (WORKERS * CALLS - 1) * 60 / A_MINUTE - 0.1
    assert ModelRate.objects.count() == 1


def test_without_limits_they_are(demo: Demo) -> None:
    demo.control("limit", requests_per_minute=A_MINUTE / 4).raise_for_status()
    outcomes = asked_by_all([None] * WORKERS)
    assert outcomes.count("RateLimited") > WORKERS
    assert demo.stats()["failed"]["rate_limit"] == outcomes.count("RateLimited")


async def test_a_model_that_asks_to_wait_is_held_for_all(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "SPREAD", 0.0)
    demo.inject("rate_limit", retry_after=0.7)
    told, other = SharedLimiter(), SharedLimiter()
    model_limiter.set(told)
    with pytest.raises(ApplicationError, match="429"):
        await complete(MESSAGES, purpose="height")
    for limiter in (told, other):
        model_limiter.set(limiter)
        assert (await complete(MESSAGES, purpose="height")).text
    at = [call["at"] for call in demo.stats()["calls"]]
    assert seconds_between(at[0], at[1]) > 0.6


def seconds_between(earlier: str, later: str) -> float:
    return (datetime.fromisoformat(later) - datetime.fromisoformat(earlier)).total_seconds()


async def test_slots_that_a_hold_overtakes_are_given_out_anew(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODEL_LIMITS = '{"m": {"requests_per_minute": 60}}'
    limiter = SharedLimiter()
    first, second = await limiter.reserve("m", 0), await limiter.reserve("m", 0)
    assert first and second and second.at - first.at == pytest.approx(1, abs=0.5)
    await limiter.hold("m", 30)
    assert not await limiter.stands(second)
    third, fourth = await limiter.reserve("m-2", 0), await limiter.reserve("m", 0)
    assert third and fourth
    assert third.at - time.time() == pytest.approx(30, abs=0.5)
    assert fourth.at - third.at == pytest.approx(1, abs=0.5)


async def test_a_slot_that_comes_too_late_fails_the_attempt_and_is_kept(settings: Settings) -> None:
    settings.MODEL_LIMITS = '{"m": {"requests_per_minute": 6}}'
    model_limiter.set(SharedLimiter())
    kept: list[Slot] = []
    async with in_turn("m", 0, patience=1):
        pass
    with pytest.raises(ApplicationError) as failed:
        async with in_turn("m", 0, patience=1, on_wait=kept.append):
            raise AssertionError("it is not its turn")
    assert failed.value.type == "RateLimited"
    assert failed.value.next_retry_delay is not None
    assert failed.value.next_retry_delay.total_seconds() == pytest.approx(10, abs=0.5)
    assert kept[0].at - time.time() == pytest.approx(10, abs=0.5)

    async with in_turn("m", 0, patience=1, slot=Slot("m", time.time() - 0.5)):
        pass  # it does not stand in line anew
    row = await in_database(ModelRate.objects.get)
    assert row.requests_at.timestamp() - time.time() == pytest.approx(20, abs=0.5)


async def test_tokens_are_reserved_by_an_estimate_and_counted_by_their_use(
    demo: Demo, settings: Settings
) -> None:
    settings.MODEL_LIMITS = '{"gpt-4o-mini": {"tokens_per_minute": 6000}}'
    model_limiter.set(SharedLimiter())
    began = time.time()
    answer = await complete(MESSAGES, purpose="height")
    assert answer.tokens_in and answer.tokens_out
    row = await in_database(ModelRate.objects.get)
    used = (answer.tokens_in + answer.tokens_out) / 100
    assert row.tokens_at.timestamp() - began == pytest.approx(used, abs=0.5)
    assert used < tokens_of(MESSAGES) / 100 - 1, "the estimate was higher"
    assert tokens_of(MESSAGES) > ANSWER


async def test_where_nothing_is_limited_a_call_costs_no_query(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter, counted = SharedLimiter(), Counted(monkeypatch)
    for _ in range(100):
        assert await limiter.reserve("m", 10) is None
    assert counted.queries == ["held_for"]


class Counted:
    """What was asked of the database, by the names of the functions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.queries: list[str] = []
        for name in ("reserve", "correct", "hold", "held_for"):
            monkeypatch.setattr(rates, name, self._noting(name, getattr(rates, name)))

    def _noting(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def noting(*args: Any) -> Any:
            self.queries.append(name)
            return function(*args)

        return noting


def test_a_slot_is_one_short_statement(settings: Settings) -> None:
    settings.MODEL_LIMITS = '{"m": {"requests_per_minute": 60}}'
    key, limits = rates.limits_of("m")
    with CaptureQueriesContext(connections["default"]) as queries:
        rates.reserve(key, 1, limits)
    assert len(queries) == 1


async def test_a_database_that_is_away_lets_every_call_pass(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MODEL_LIMITS = '{"m": {"requests_per_minute": 1}}'
    limiter = SharedLimiter()
    await in_database(cut_off)
    try:
        for call in (limiter.reserve("m", 1), limiter.reserve("other", 1)):
            assert await call is None
        await limiter.hold("m", 1)
        await limiter.correct(Slot("m", 0, 5), 6)
    finally:
        await in_database(join_again)


def cut_off() -> None:
    """The table is out of reach, as a database is that fails over."""
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE reviews_modelrate RENAME TO reviews_modelrate_away")


def join_again() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE reviews_modelrate_away RENAME TO reviews_modelrate")
