"""The change log is read so that no line is skipped, whatever order transactions commit in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import psycopg
import pytest
from django.db import transaction

from reviews.changes import actions as changes
from reviews.changes.cursors import Cursor, Place
from reviews.changes.models import Change
from reviews.changes.queries import missed
from reviews.changes.tailer import Tailer
from reviews.connections import direct_address
from tests.reviews.live.conftest import in_database

ADD = "INSERT INTO reviews_change (topic, object_id) VALUES ('run', %s)"
pytestmark = pytest.mark.django_db(transaction=True)


class Ear:
    def __init__(self) -> None:
        self.heard: list[str] = []

    def hear(self, subject: str) -> None:
        self.heard.append(subject)

    async def hears(self, *subjects: str) -> None:
        async with asyncio.timeout(20):
            while not set(subjects) <= set(self.heard):
                await asyncio.sleep(0.01)


@pytest.fixture
async def tailer() -> AsyncIterator[Tailer]:
    made = Tailer()
    yield made
    await made.stop()


def record(*ids: str) -> None:
    with transaction.atomic():
        changes.record(*(("run", id) for id in ids), workspace_id=None)


def connected() -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(direct_address("a writer"))


async def test_what_commits_in_the_other_order_is_heard_and_never_behind_the_cursor(tailer: Tailer) -> None:
    ear = Ear()
    tailer.listen(ear, ["run:late", "run:early"])
    await tailer.ready()
    with connected() as late, connected() as early:
        late.execute(ADD, ["late"])  # the lower transaction id, and the lower sequence
        early.execute(ADD, ["early"])
        early.commit()
        await ear.hears("run:early")  # at once, although something older is still on its way
        cursor = Cursor.parse(tailer.cursor)
        assert cursor is not None
        assert await in_database(missed, cursor, ["run:early"]) == {"run:early"}, (
            "it stays below what may still come"
        )

        late.commit()
        await ear.hears("run:late")
    assert await in_database(missed, cursor, ["run:late", "run:early"]) == {"run:late", "run:early"}


async def test_what_was_rolled_back_is_never_heard(tailer: Tailer) -> None:
    ear = Ear()
    tailer.listen(ear, ["run:a", "run:b"])
    await tailer.ready()
    with connected() as writer:
        writer.execute(ADD, ["a"])
        writer.rollback()
    await in_database(record, "b")
    await ear.hears("run:b")
    assert ear.heard == ["run:b"]


async def test_each_line_is_told_once_while_an_old_transaction_stays_open(tailer: Tailer) -> None:
    ear = Ear()
    tailer.listen(ear, ["run:a"])
    await tailer.ready()
    with connected() as old:
        old.execute(ADD, ["old"])
        await in_database(record, "a")
        await ear.hears("run:a")
        await asyncio.sleep(0.2)  # ten looks above the horizon
    await asyncio.sleep(0.2)
    assert ear.heard == ["run:a"]


async def test_it_goes_on_where_it_was_when_its_connection_is_ended(tailer: Tailer) -> None:
    ear = Ear()
    tailer.listen(ear, ["run:a", "run:b"])
    await tailer.ready()
    await in_database(record, "a")
    await ear.hears("run:a")
    with connected() as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'agentsite-web' AND datname = current_database()"
        )
        await in_database(record, "b")
    await ear.hears("run:b")


async def test_it_reads_only_while_somebody_listens(tailer: Tailer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviews.changes.tailer.IDLE", 0.05)
    ear = Ear()
    tailer.listen(ear, ["run:a"])
    await tailer.ready()
    tailer.leave(ear, ["run:a"])
    async with asyncio.timeout(20):
        while tailer.cursor:
            await asyncio.sleep(0.05)
    tailer.listen(ear, ["run:a"])
    await tailer.ready()
    await in_database(record, "a")
    await ear.hears("run:a")


def here() -> Cursor:
    """After all that is there."""
    record("mark")
    line = Change.objects.order_by("transaction_id", "id").last()
    assert line is not None
    with connected() as connection:
        found = connection.execute("SELECT system_identifier::text FROM pg_control_system()").fetchone()
    assert found is not None
    return Cursor(str(found[0]), Place(line.transaction_id, line.id))


def test_a_cursor_tells_what_was_missed_and_nothing_else() -> None:
    cursor = here()
    assert missed(cursor, ["run:a"]) == set()
    record("a", "b")
    assert missed(cursor, ["run:a", "run:c"]) == {"run:a"}
    assert Cursor.parse(str(cursor)) == cursor


def test_the_log_is_cut_and_an_older_cursor_is_of_no_use_any_more() -> None:
    before = here()
    record("a")
    end = time.monotonic() + 20
    while Change.objects.exists():  # what is still running in this cluster may hold it up
        changes.cut(timedelta(0), at_most=1000)
        assert time.monotonic() < end
    after = here()
    record("b")
    assert missed(before, ["run:a"]) is None
    assert missed(after, ["run:b"]) == {"run:b"}
    assert not Change.objects.filter(object_id="a").exists()


def test_cutting_takes_so_many_at_a_time() -> None:
    record(*(str(number) for number in range(10)))
    end = time.monotonic() + 20
    left = 10
    while left:
        count = changes.cut(timedelta(0), at_most=4)
        assert count <= 4
        left -= count
        assert time.monotonic() < end
    assert not Change.objects.exists()


def test_young_lines_stay() -> None:
    record("a")
    assert changes.cut(timedelta(minutes=1), at_most=10) == 0


def test_a_cursor_of_another_cluster_or_of_the_future_is_of_no_use() -> None:
    cursor = here()
    assert missed(Cursor("1", cursor.place), ["run:a"]) is None
    assert (
        missed(Cursor(cursor.cluster, Place(cursor.place.transaction_id + 1_000_000, 1)), ["run:a"]) is None
    )


@pytest.mark.parametrize("text", ["", "1", "1.2", "1.2.x", "1.2.3.4", "-1.2.3", "٣.1.1", "9" * 90 + ".1.1"])
def test_what_is_no_cursor_is_none(text: str) -> None:
    assert Cursor.parse(text) is None
