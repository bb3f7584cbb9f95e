"""What workers note of attempts reaches the database in the end, and never costs an activity anything."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.db.utils import OperationalError

from reviews.runs import recording as rows
from reviews.runs.models import Attempt
from reviews.runs.recording import AttemptSeen, Execution
from reviews.workspaces.models import Workspace
from tests.support.processes import wait_until
from tests.workflows.flows import Ask, AskOne
from tests.workflows.world import World
from workflows import recording
from workflows.bridge.database import in_database
from workflows.recording import Recorder

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def seen(number: int = 1, **changes: Any) -> AttemptSeen:
    where = Execution("default", "recorded", "run-1", "test")
    values: dict[str, Any] = {"activity_id": "1", "activity_type": "work", "worker": "w", "started_at": NOW}
    return AttemptSeen(where, number=number, **(values | changes))


@pytest.fixture
def recorder(workspace: Workspace) -> Iterator[Recorder]:
    recorder = Recorder("w")
    yield recorder
    recorder.close()


def attempts() -> list[Attempt]:
    return list(Attempt.objects.order_by("activity_id", "number"))


class Away:
    """A database that is away until :meth:`back`: each write fails on a connection that is really closed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries, self._away, self._record = 0, True, rows.record
        monkeypatch.setattr(recording, "record", self.record)

    def record(self, seen: Sequence[Any]) -> None:
        self.tries += 1
        if self._away:
            try:
                with psycopg.connect(host="127.0.0.1", port=1, connect_timeout=1):
                    pass
            except psycopg.OperationalError as error:
                raise OperationalError(str(error)) from error
        self._record(seen)

    def back(self) -> None:
        self._away = False


def test_notes_wait_for_a_database_that_is_away(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    away = Away(monkeypatch)
    for number in range(1, 4):
        recorder.note(
            seen(number, outcome="failed", ended_at=NOW, failure={"type": "Broken", "message": "no"})
        )
    wait_until(lambda: away.tries >= 3, "it is tried again and again")
    assert attempts() == []
    away.back()
    wait_until(lambda: len(attempts()) == 3, "all is written in the end")


async def test_activities_go_on_while_the_database_of_the_notes_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = Away(monkeypatch)
    handle = await world.start(AskOne.run, Ask())
    decision = await world.decide(await world.question(handle))
    await world.deliver(handle, decision)
    assert (await handle.result())["verdict"] == "approve"
    assert await in_database(attempts) == []

    away.back()
    done = await in_database(
        lambda: wait_until(
            lambda: [one for one in attempts() if one.outcome == "completed"][1:], "all is written"
        )
    )
    assert {one.activity_type for one in done + await in_database(attempts)} == {"ask", "acknowledge"}


@pytest.mark.parametrize(
    "poison",
    [
        {"progress": float("nan")},
        {"progress": datetime(2026, 1, 1)},
        {"activity_type": "x" * 300},
        {"failure": {"type": "Broken", "message": b"bytes"}, "outcome": "failed", "ended_at": NOW},
    ],
)
def test_a_note_that_can_never_be_written_holds_up_no_other(
    recorder: Recorder, poison: dict[str, Any]
) -> None:
    recorder.note(seen(1, activity_id="a"))
    recorder.note(seen(1, activity_id="b", **poison))
    recorder.note(seen(1, activity_id="c"))
    wait_until(lambda: {"a", "c"} <= {one.activity_id for one in attempts()}, "the others are written", 10)


def test_an_attempt_that_never_ended_lost_its_worker(recorder: Recorder) -> None:
    recorder.note(seen(1))
    recorder.note(seen(2))
    recorder.note(seen(2, outcome="completed", ended_at=NOW))
    recorder.note(seen(2, progress={"late": True}))
    wait_until(lambda: len([one for one in attempts() if one.ended_at]) == 2, "both have ended")
    first, second = attempts()
    assert first.failure is not None
    assert (first.outcome, first.failure["type"]) == ("failed", "WorkerLost")
    assert (second.outcome, second.progress) == ("completed", None)


def test_closing_writes_what_waits_and_gives_up_in_time(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder.note(seen(1))
    recorder.close()
    assert len(attempts()) == 1

    late = Recorder("w")
    Away(monkeypatch)
    late.note(seen(2))
    began = time.monotonic()
    late.close(patience=2)
    assert time.monotonic() - began < 10
    assert connection.is_usable()
