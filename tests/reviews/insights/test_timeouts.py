"""What latencies say of timeouts: the verdict, the recommendation, and whose figures one may read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from reviews.insights.timeouts import SHORTEST, Measured, TimeoutVerdict, readable, timeouts, timeouts_of
from reviews.people.models import Account
from reviews.runs import latencies
from reviews.runs.latencies import Timeouts, bucket_of
from reviews.workspaces.access import Forbidden, Viewer
from reviews.workspaces.models import Workspace
from tests.support.latencies import ONE_MINUTE, measure
from tests.support.people import People

MS = timedelta(milliseconds=1)


def of(took: timedelta, count: int = 100, configured: timedelta | None = timedelta(minutes=1)) -> Measured:
    """All completions took about the same."""
    return Measured("ns", "pay", {bucket_of(took): count}, Timeouts(start_to_close=configured))


@given(st.timedeltas(min_value=timedelta(milliseconds=500), max_value=timedelta(days=30)))
def test_what_is_recommended_lies_between_two_and_three_times_p99(p99: timedelta) -> None:
    slack = timedelta(microseconds=2)
    assert max(2 * p99, SHORTEST) - slack <= readable(p99) <= max(3 * p99, SHORTEST) + slack


@pytest.mark.parametrize(
    ("p99", "recommended"),
    [
        (2 * MS, "0:00:01"), (399 * MS, "0:00:01"), (600 * MS, "0:00:01.500000"), (1200 * MS, "0:00:03"),
        (2 * MS * 1000, "0:00:05"), (2.1 * MS * 1000, "0:00:05"), (24 * MS * 1000, "0:01:00"),
        (3600 * MS * 1000, "3:00:00"), (10 * 3600 * MS * 1000, "1 day, 1:00:00"),
    ],
)  # fmt: skip
def test_a_recommendation_is_what_people_would_write_down(p99: timedelta, recommended: str) -> None:
    assert str(readable(p99)) == recommended


@pytest.mark.parametrize(
    ("measured", "verdict"),
    [
        (of(timedelta(seconds=10), 99), TimeoutVerdict.TOO_FEW),
        (of(timedelta(seconds=10), configured=timedelta(seconds=19)), TimeoutVerdict.TOO_TIGHT),
        (of(timedelta(seconds=10), configured=timedelta(seconds=25)), TimeoutVerdict.FINE),
        (of(timedelta(seconds=10), configured=timedelta(seconds=99)), TimeoutVerdict.FINE),
        (of(timedelta(seconds=10), configured=timedelta(seconds=120)), TimeoutVerdict.TOO_LOOSE),
        (of(50 * MS, configured=timedelta(seconds=30)), TimeoutVerdict.FINE),
        (of(50 * MS, configured=timedelta(seconds=31)), TimeoutVerdict.TOO_LOOSE),
        (of(50 * MS, configured=None), TimeoutVerdict.NOT_SET),
        (Measured("ns", "pay", {}, ONE_MINUTE), TimeoutVerdict.TOO_FEW),
    ],
)
def test_the_verdict(measured: Measured, verdict: TimeoutVerdict) -> None:
    assert measured.verdict == verdict


def test_percentiles_of_a_mixed_lot() -> None:
    measured = Measured("ns", "pay", {0: 50, 80: 45, 90: 4, 100: 1}, ONE_MINUTE)
    assert [measured.p50, measured.p95, measured.p99] == [latencies.bound(bucket) for bucket in (0, 80, 90)]
    assert (measured.count, measured.longest) == (100, latencies.bound(100))


def test_too_few_recommend_nothing() -> None:
    few = of(timedelta(seconds=1), 99)
    assert few.recommended is None
    assert few.p99 is not None, "the figure is shown all the same"


def names(account: Account, workspace: Workspace | None = None, days: int = 30) -> list[str]:
    return [one.activity_type for one in timeouts(Viewer(account), workspace, days)]


def test_each_reads_the_figures_of_the_own_namespaces(
    people: People, home: Workspace, abroad: Workspace, victor: Account, charlie: Account
) -> None:
    measure(home.namespace, "pay", {800: 120})
    measure(abroad.namespace, "fly", {800: 120})
    assert names(victor) == ["pay"]
    assert names(charlie) == ["fly"]
    assert names(victor, abroad) == [], "naming a workspace gives no right to it"
    with pytest.raises(Forbidden):
        timeouts(Viewer(Account.objects.create_user("nobody")))


def test_only_the_last_days_count(home: Workspace, victor: Account) -> None:
    old = datetime.now(UTC) - timedelta(days=31)
    latencies.note_timeouts(home.namespace, {"old": (old, ONE_MINUTE), "pay": (old, ONE_MINUTE)})
    latencies.count(home.namespace, {("old", old.date(), 9): 7, ("pay", old.date(), 9): 7})
    latencies.count(home.namespace, {("pay", datetime.now(UTC).date(), 9): 3})
    assert [(one.activity_type, one.count) for one in timeouts(Viewer(victor))] == [("pay", 3)]
    assert [(one.activity_type, one.count) for one in timeouts(Viewer(victor), days=40)] == [
        ("old", 7),
        ("pay", 10),
    ]


def test_what_is_scheduled_and_never_completes_is_listed_too(home: Workspace, victor: Account) -> None:
    latencies.note_timeouts(home.namespace, {"stuck": (datetime.now(UTC), ONE_MINUTE)})
    [stuck] = timeouts(Viewer(victor))
    assert (stuck.count, stuck.p99, stuck.between, stuck.verdict) == (0, None, None, TimeoutVerdict.TOO_FEW)
    assert stuck.timeouts == ONE_MINUTE


def test_one_query_however_many_types(
    home: Workspace, victor: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(30):
        measure(home.namespace, f"a{number}", {800: 120, 900: 5})
    viewer = Viewer(victor)
    _ = viewer.rights
    with django_assert_num_queries(1):
        assert len(timeouts(viewer)) == 30
    with django_assert_num_queries(1):
        assert timeouts_of(home.namespace, {"a1", "a2", "none"}).keys() == {"a1", "a2"}
    with django_assert_num_queries(0):
        timeouts_of(home.namespace, set())
