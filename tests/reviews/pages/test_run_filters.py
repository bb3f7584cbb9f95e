"""What the runs page filters by, in its address and as chips."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.test import Client
from django.utils import timezone

from reviews.pages import lists, run_list
from reviews.pages.run_filters import Filters
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.actions import create_workspace
from reviews.workspaces.models import Workspace
from tests.reviews.pages.test_runs import ids
from tests.support.people import child_of, start_refund

ATTRIBUTES = {
    "region": "eu", "priority": 5, "ratio": 0.25, "vip": True, "code": "0042", "tags": ["late", "gold"], "odd": "it's",
}  # fmt: skip
SignIn = Callable[[Account], Client]


@pytest.fixture
def wanted(home: Workspace, olga: Account) -> Run:
    """The run that is looked for, among others."""
    run = start_refund(home, olga)
    for _ in range(2):
        start_refund(home, olga)
    Run.objects.filter(id=run.id).update(
        title="Refund: the émigré's parcel",
        workflow_id="order-12ab34",
        agent="Reconcile",
        workflow_type="Reconcile",
        status="failed",
        search_attributes=ATTRIBUTES,
        created_at=timezone.now() - timedelta(days=3),
    )
    run.refresh_from_db()
    return run


@pytest.mark.parametrize(
    "query",
    [
        "status=failed", "status=failed&status=canceled", "agent=Reconcile", "type=Reconcile",
        "q=émigré", "q=émi parc", "q=order-12ab34", "q=order-12a", "q=12ab", "q=refund's parcel", "q=ÉMIGRÉ",
        "attribute=region=eu", "attribute=priority=5", "attribute=ratio=0.25", "attribute=vip=true",
        "attribute=code=0042", 'attribute=code="0042"', "attribute=tags=gold", "attribute=tags=[late,gold]",
        "attribute=odd=it's", "attribute= region = eu ", "attribute=region=eu&attribute=vip=true",
        "id=order-12ab34", "since=2020-01-01&status=failed", "until={yesterday}", "until={yesterday}T10:00",
    ],
)  # fmt: skip
def test_each_filter_finds_it_and_nothing_else(as_victor: Client, wanted: Run, query: str) -> None:
    yesterday = timezone.now() - timedelta(days=1)
    assert ids(as_victor, "/runs/?" + query.format(yesterday=f"{yesterday:%Y-%m-%d}")) == [wanted.id]


@pytest.mark.parametrize(
    "query",
    [
        "q=parcels", "q=order-99", "q=nowhere parcel", "q='", "q=:*", "q=%26", "q=\\", "q=a'b\\c:*|!", "q=%00",
        "attribute=region=us", "attribute=priority=6", "attribute=vip=false", "attribute=tags=silver",
        "attribute=tags=late,silver", "attribute=nothing=1", "attribute=region=%00", "within=hour&status=failed",
        "since={tomorrow}", "status=failed&agent=refund", "parent=00000000-0000-0000-0000-000000000000",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_found(as_victor: Client, wanted: Run, query: str) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    assert ids(as_victor, "/runs/?" + query.format(tomorrow=f"{tomorrow:%Y-%m-%d}")) == []


@pytest.mark.parametrize(
    "query",
    ["status=dozing", "within=century", "since=soon", "until=2026-99-99", "attribute=region", "attribute==eu",
     "parent=somebody", "waiting=yes", "before=long.ago", "unfold=everything", "flat=perhaps"],
)  # fmt: skip
def test_what_makes_no_sense_filters_nothing(as_victor: Client, wanted: Run, query: str) -> None:
    context = as_victor.get(f"/runs/?{query}").context
    assert len(context["rows"]) == 3
    assert context["filters"].chips == []


def test_a_span_of_time_ends_now(as_victor: Client, wanted: Run) -> None:
    assert len(ids(as_victor, "/runs/?within=hour")) == len(ids(as_victor, "/runs/?within=day")) == 2
    assert len(ids(as_victor, "/runs/?within=week")) == 3


def test_the_address_says_all_and_reads_the_same_again() -> None:
    query = (
        "status=open&status=failed&agent=a+b&type=T&waiting=1&within=day&since=2026-01-02T03%3A04&until=2026-02-01"
        "&q=two+words&attribute=k%3Dv&attribute=n%3D5&id=x&workspace=home&parent=00000000-0000-0000-0000-000000000001"
        "&flat=1"
    )
    filters = Filters.of(QueryDict(query))
    assert filters.query == query
    assert filters.here == f"/runs/?{query}"
    assert len(filters.chips) == 14


def test_a_chip_takes_its_filter_away_and_leaves_the_rest(as_victor: Client, wanted: Run) -> None:
    chips = (
        as_victor.get("/runs/?status=failed&status=open&agent=Reconcile&q=parcel&before=1.2")
        .context["filters"]
        .chips
    )
    assert [(chip.words, chip.value, chip.without) for chip in chips] == [
        ("status", "Failed", "/runs/?status=open&agent=Reconcile&q=parcel"),
        ("status", "Open", "/runs/?status=failed&agent=Reconcile&q=parcel"),
        ("agent", "Reconcile", "/runs/?status=failed&status=open&q=parcel"),
        ("text", "parcel", "/runs/?status=failed&status=open&agent=Reconcile"),
    ]


def test_empty_fields_of_the_form_leave_the_address(as_victor: Client, wanted: Run) -> None:
    answer = as_victor.get("/runs/?q=&agent=&status=failed&within=&attribute=&since=&until=")
    assert answer["Location"] == "/runs/?status=failed"


def test_the_form_suggests_agents_and_types_that_nobody_registered(as_victor: Client, wanted: Run) -> None:
    names = as_victor.get("/runs/").context["names"]
    assert names == {"agents": ["Reconcile", "refund"], "types": ["Reconcile", "refund"]}


@pytest.mark.parametrize(("most", "count"), [(1000, "3"), (2, "2+")])
def test_the_count_is_of_all_that_fit(
    as_victor: Client, wanted: Run, monkeypatch: pytest.MonkeyPatch, most: int, count: str
) -> None:
    monkeypatch.setattr(lists, "MOST_COUNTED", most)
    monkeypatch.setattr(run_list, "MOST_COUNTED", most)
    monkeypatch.setattr(run_list, "SIZE", 1)
    for query in ("", "flat=1", "status=open&status=failed", "q=refund", "since=2020-01-01"):
        page = as_victor.get(f"/runs/?{query}")
        assert page.context["list"].count == count, query
        assert f"{count} runs" in page.content.decode()


@pytest.mark.parametrize("way", ["few", "sorted", "by age"])
@pytest.mark.parametrize(
    "query", ["q=refund", "attribute=shade=red", "status=open&status=failed", "since=2020-01-01"]
)
def test_each_way_to_the_rows_leads_through_all_pages(
    signed_in: SignIn,
    home: Workspace,
    wanted: Run,
    alice: Account,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    query: str,
) -> None:
    """Few are sorted here, some by PostgreSQL, many are read by age: the same rows in the same order."""
    second = create_workspace("second", "Second", "second-namespace", owner=alice)
    for _ in range(2):
        start_refund(second, alice)
    Run.objects.update(search_attributes={"shade": "red"})
    twins = list(Run.objects.order_by("-created_at")[:2])
    Run.objects.filter(id=twins[0].id).update(created_at=twins[1].created_at)
    monkeypatch.setattr(run_list, "SIZE", 2)
    monkeypatch.setattr(run_list, "MOST_COUNTED", 1000 if way == "few" else 1)
    for most in ("SORTED_BY_TEXT", "SORTED_BY_ATTRIBUTE"):
        monkeypatch.setattr(run_list, most, 10**9 if way == "sorted" else -1)
    client, seen, address = signed_in(alice), [], f"/runs/?{query}"
    while address:
        context = client.get(address).context
        seen += [row.run.id for row in context["rows"]]
        address = context["list"].older
    assert seen == list(Run.objects.order_by("-created_at", "-id").values_list("id", flat=True))
    assert len(seen) == 5


def test_a_workspace_is_a_filter_where_there_are_several(
    signed_in: SignIn, home: Workspace, wanted: Run, alice: Account, abroad: Workspace
) -> None:
    client = signed_in(alice)
    assert b"all of yours" not in client.get("/runs/").content
    second = create_workspace("second", "Second", "second-namespace", owner=alice)
    there = start_refund(second, alice)
    assert b"all of yours" in client.get("/runs/").content
    assert ids(client, "/runs/?workspace=second") == [there.id]
    assert client.get(f"/runs/?workspace={abroad.slug}").status_code == 404


def test_children_of_one_are_a_filter(as_victor: Client, wanted: Run, home: Workspace, olga: Account) -> None:
    child = child_of(wanted, start_refund(home, olga))
    assert ids(as_victor, f"/runs/?parent={wanted.id}") == [child.id]
