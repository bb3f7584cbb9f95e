"""An engine that says what the test wants; how Temporal really says it, tests/workflows/engine looks at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.now import (
    ActivityNow,
    ChildNow,
    Handler,
    Interface,
    PauseNow,
    QueueNow,
    RunNow,
    TaskNow,
    WorkerNow,
)
from workflows.engine.port import TemporalEngine


class FakeEngine(TemporalEngine):
    """Stored histories are decoded as ever. ``error`` makes everything else fail; ``asked`` counts the rest."""

    def __init__(self) -> None:
        self.present = RunNow(None, [], [], [], [queue("research-agent")], None)
        self.said = Interface(
            "refund",
            details="It **waits** for the bank.",
            signals=[Handler("hurry", "Makes it hurry.")],
            queries=[Handler("progress", "How far it is.")],
            updates=[Handler("set_limit", "Sets the limit.")],
        )
        self.answers: dict[str, Any] = {"progress": {"done": 3}, "__stack_trace": "File refund.py, line 7"}
        self.error = ""
        self.asked: list[tuple[str, Sequence[Any]]] = []

    def now(self, *_: Any) -> RunNow:
        self._answer("now")
        return self.present

    def interface(self, *_: Any) -> Interface:
        self._answer("interface")
        return self.said

    def query(
        self, namespace: str, workflow_id: str, run_id: str | None, name: str, arguments: Sequence[Any]
    ) -> Any:
        self._answer(name, arguments)
        if name not in self.answers:
            raise QueryFailed(f"There is no query {name}.")
        return self.answers[name]

    def _answer(self, what: str, arguments: Sequence[Any] = ()) -> None:
        self.asked.append((what, arguments))
        if self.error:
            raise EngineUnavailable(self.error)


def queue(name: str, *, workers: bool = True, activities: bool = False) -> QueueNow:
    found = [WorkerNow("4711@worker-1", timezone.now(), True, True)] if workers else []
    return QueueNow(name, not activities, activities, found)


def failing_task() -> TaskNow:
    return TaskNow(7, True, timezone.now() - timedelta(minutes=3))


def paused() -> PauseNow:
    return PauseNow("agentsite", "olga, by Agentsite", timezone.now())


def child(run_id: str = "r") -> ChildNow:
    return ChildNow("child-1", run_id, "ship", 12, "is terminated with it")


def activity(id: str = "5", type: str = "ask_bank", state: str = "scheduled", **fields: Any) -> ActivityNow:
    """In its backoff after three tries."""
    now: datetime = timezone.now()
    values: dict[str, Any] = {
        "attempt": 4,
        "maximum_attempts": 5,
        "queue": "",
        "scheduled_at": now,
        "started_at": None,
        "next_try_at": now + timedelta(seconds=40),
        "failure": {"type": "Closed", "message": "The <bank> is closed.", "retryable": True},
        "progress": {"page": 2},
        "heartbeat_at": now,
        "worker": "4711@worker-1",
        "pause": None,
    }
    return ActivityNow(id=id, type=type, state=state, **(values | fields))
