"""Histograms of latency: what the mirror counts, once each, and what is read from them."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from reviews.runs import latencies
from reviews.runs.ingesting import HistorySeen, OutOfStep
from reviews.runs.latencies import Timeouts, bound, bucket_of, percentile
from reviews.runs.models import ActivityLatency, ActivityTimeouts, Run, Step
from reviews.runs.steps import StepSeen
from tests.support.latencies import NOON, ONE_MINUTE, completed, ingest, scheduled

SECOND = timedelta(seconds=1)
ABOUT_A_SECOND = bucket_of(SECOND)


def counted(name: str = "pay") -> dict[int, int]:
    rows = ActivityLatency.objects.filter(activity_type=name, count__gt=0)
    total: Counter[int] = Counter()
    for bucket, count in rows.values_list("bucket", "count"):
        total[bucket] += count
    return dict(total)


@given(st.timedeltas(min_value=timedelta(milliseconds=1), max_value=timedelta(days=3650)))
def test_a_bucket_holds_its_durations_and_is_nine_percent_wide(duration: timedelta) -> None:
    bucket = bucket_of(duration)
    assert duration <= bound(bucket) + timedelta(microseconds=1)
    assert bound(bucket) <= 1.0906 * duration + timedelta(microseconds=1)


@pytest.mark.parametrize("short", [timedelta(0), timedelta(microseconds=1), timedelta(seconds=-3)])
def test_what_took_no_time_stands_in_the_first_bucket(short: timedelta) -> None:
    assert bucket_of(short) == 0


@given(
    st.lists(st.integers(min_value=1, max_value=10_000_000), min_size=1, max_size=300),
    st.sampled_from([0.5, 0.95, 0.99]),
)
def test_a_percentile_is_never_too_low_and_at_most_nine_percent_too_high(
    took: list[int], share: float
) -> None:
    histogram = Counter(bucket_of(timedelta(milliseconds=one)) for one in took)
    exact = sorted(took)[-(-round(len(took) * share * 100) // 100) - 1]
    read = percentile(histogram, share) / timedelta(milliseconds=1)
    assert exact - 0.001 <= read <= 1.0906 * exact + 0.001


def test_an_activity_that_completes_is_counted_once(run: Run) -> None:
    steps = [scheduled(5), *completed(5, SECOND)]
    ingest(run, 1, 8, steps)
    ingest(run, 1, 8, steps)  # as after a crash: the batch is there already
    assert counted() == {ABOUT_A_SECOND: 1}
    assert ActivityLatency.objects.get().day == NOON.date()


def test_it_may_be_scheduled_in_one_batch_start_in_the_next_and_end_in_a_third(run: Run) -> None:
    started, ended = completed(5, SECOND)
    ingest(run, 1, 5, [scheduled(5)])
    ingest(run, 6, 6, [started])
    assert counted() == {}
    ingest(run, 7, 7, [ended])
    assert counted() == {ABOUT_A_SECOND: 1}


def test_what_was_not_written_is_not_counted(run: Run) -> None:
    with pytest.raises(OutOfStep):
        ingest(run, 7, 9, [scheduled(7), *completed(7, SECOND)])
    assert counted() == {}


def test_failures_timers_and_signals_are_not_counted(run: Run) -> None:
    failed = StepSeen(6, status="failed", started_at=NOON, closed_at=NOON)
    timer = StepSeen(7, kind="timer", name="pay", status="running", scheduled_at=NOON, started_at=NOON)
    signal = StepSeen(8, kind="signal", name="pay", status="completed", scheduled_at=NOON, closed_at=NOON)
    fired = StepSeen(7, status="completed", closed_at=NOON)
    ingest(run, 1, 9, [scheduled(6), failed, timer, signal, fired])
    assert counted() == {}


def test_the_day_is_that_of_the_end_in_utc(run: Run) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    steps = [scheduled(5), *completed(5, SECOND, ended=midnight), scheduled(6), *completed(6, SECOND)]
    ingest(run, 1, 9, steps)
    assert [row.day.day for row in ActivityLatency.objects.order_by("day")] == [1, 2]


def test_what_a_reset_copied_is_not_counted_again(run: Run) -> None:
    steps = [scheduled(5), *completed(5, SECOND), scheduled(11), *completed(11, SECOND)]
    ingest(run, 1, 14, steps, reset_event_id=8)
    assert counted() == {ABOUT_A_SECOND: 1}


def test_a_reset_that_shows_in_a_later_batch_takes_back_what_was_counted(run: Run) -> None:
    first, second, third = (SECOND * (2**time) for time in range(3))
    ingest(run, 1, 8, [scheduled(5), *completed(5, first)])
    ingest(run, 9, 12, [scheduled(9), *completed(9, second)])
    assert counted() == {bucket_of(first): 1, bucket_of(second): 1}
    ingest(run, 13, 17, [scheduled(14), *completed(14, third)], reset_event_id=13)
    assert counted() == {bucket_of(third): 1}
    # The copy of a run that was itself made by a reset: what the first point cut off is not taken back again.
    ingest(run, 18, 22, [], reset_event_id=18)
    assert counted() == {}


def test_an_imported_history_counts_nowhere(run: Run) -> None:
    Run.objects.update(imported_at=NOON)
    ingest(run, 1, 8, [scheduled(5), *completed(5, SECOND)])
    assert not ActivityLatency.objects.exists()
    assert not ActivityTimeouts.objects.exists()


def test_a_name_from_outside_is_cut_as_the_step_is(run: Run) -> None:
    ingest(run, 1, 8, [scheduled(5, "n\x00" * 300), *completed(5, SECOND)])
    assert ActivityLatency.objects.get().activity_type == Step.objects.get().name
    assert ActivityTimeouts.objects.get().activity_type == Step.objects.get().name


def test_a_batch_costs_two_statements_whatever_is_in_it(
    run: Run, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    steps = {id: Step(run=run, event_id=id, kind="activity", name=f"a{id % 7}") for id in range(1, 200)}
    seen = [one for id in steps for one in (scheduled(id, f"a{id % 7}"), *completed(id, id * SECOND))]
    for id, step in steps.items():
        step.started_at, step.closed_at = NOON - id * SECOND, NOON
    batch = HistorySeen(1, 800, [], 0, seen)
    with django_assert_num_queries(2):
        latencies.write(latencies.learn(run, batch, steps))
    with django_assert_num_queries(0):
        latencies.write(latencies.learn(run, HistorySeen(801, 802, [], 0), {}))
    assert sum(row.count for row in ActivityLatency.objects.all()) == 199


def noted() -> tuple[Timeouts, datetime]:
    row = ActivityTimeouts.objects.get()
    return Timeouts(row.start_to_close, row.schedule_to_close, row.heartbeat), row.scheduled_at


@pytest.mark.django_db
def test_the_timeouts_are_those_that_were_scheduled_last() -> None:
    later = Timeouts(start_to_close=timedelta(minutes=2))
    latencies.note_timeouts("ns", {"pay": (NOON, ONE_MINUTE)})
    assert noted() == (ONE_MINUTE, NOON)
    latencies.note_timeouts("ns", {"pay": (NOON + SECOND, later)})
    assert noted() == (later, NOON + SECOND)
    latencies.note_timeouts("ns", {"pay": (NOON, ONE_MINUTE)})
    assert noted() == (later, NOON + SECOND)


@pytest.mark.django_db
def test_timeouts_that_stay_the_same_are_renewed_by_the_hour() -> None:
    latencies.note_timeouts("ns", {"pay": (NOON, ONE_MINUTE)})
    latencies.note_timeouts("ns", {"pay": (NOON + timedelta(minutes=59), ONE_MINUTE)})
    assert noted() == (ONE_MINUTE, NOON)
    latencies.note_timeouts("ns", {"pay": (NOON + timedelta(minutes=61), ONE_MINUTE)})
    assert noted() == (ONE_MINUTE, NOON + timedelta(minutes=61))


@pytest.mark.django_db(transaction=True)
def test_writers_side_by_side_lose_nothing_and_never_wait_for_each_other() -> None:
    """Each names the same rows in another order: without an order of their own they would deadlock."""
    keys = [(f"a{number}", NOON.date(), bucket) for number in range(10) for bucket in range(20)]
    faults: list[Exception] = []

    def work(backwards: bool) -> None:
        try:
            for _ in range(25):
                with transaction.atomic():
                    latencies.count("ns", dict.fromkeys(reversed(keys) if backwards else keys, 1))
        except Exception as error:  # noqa: BLE001 (looked at below)
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=[number % 2 == 0]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert set(ActivityLatency.objects.values_list("count", flat=True)) == {100}
