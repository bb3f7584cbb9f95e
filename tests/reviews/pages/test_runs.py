"""The list of runs."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.escalations.models import Escalation
from reviews.pages import run_list as page
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import child_of, start_refund


def ids(client: Client, address: str = "/runs/") -> list[object]:
    return [row.run.id for row in client.get(address).context["rows"]]


def test_runs_are_listed_with_state_and_age(as_victor: Client, question: Escalation) -> None:
    content = as_victor.get("/runs/").content.decode()
    assert "waiting for a person" in content
    assert "Olga" in content
    assert "ago</time>" in content


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("status=open", True), ("status=running", True), ("status=failed", False), ("agent=refund", True),
        ("agent=research", False), ("waiting=1", True), ("status=nonsense", True), ("id=nothing", False),
        ("agent=%00", False), ("id=%00", False),
    ],
)  # fmt: skip
def test_filters_live_in_the_address(
    as_victor: Client, question: Escalation, filters: str, found: bool
) -> None:
    assert bool(ids(as_victor, f"/runs/?{filters}")) is found


def test_a_run_is_found_by_each_of_its_names(as_victor: Client, run: Run) -> None:
    Run.objects.update(run_id="7f0e35a4-2f0f-4e1c-9f4c-3f1a5c0b9e11")
    for name in (run.workflow_id, str(run.id), "7f0e35a4-2f0f-4e1c-9f4c-3f1a5c0b9e11"):
        assert ids(as_victor, f"/runs/?id={name}") == [run.id]


def test_pages_follow_each_other(
    as_victor: Client, home: Workspace, olga: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "SIZE", 2)
    made = {start_refund(home, olga).id for _ in range(5)}
    seen: list[object] = []
    address: str | None = "/runs/?status=open"
    while address:
        context = as_victor.get(address).context
        seen += [row.run.id for row in context["rows"]]
        address = context["list"].older
    assert len(seen) == 5
    assert set(seen) == made


def test_the_list_is_fetched_again_when_a_run_of_its_workspaces_changes(as_victor: Client, run: Run) -> None:
    listens = f'<div id="run-list" data-live="runs:{run.workspace_id}"'
    assert listens in as_victor.get("/runs/").content.decode()
    assert as_victor.get("/runs/", headers={"HX-Request": "true"}).content.decode().startswith(listens)


def test_the_empty_list_says_what_to_do(as_olga: Client, as_victor: Client) -> None:
    assert b"Start the first one" in as_olga.get("/runs/").content
    assert b"Start the first one" not in as_victor.get("/runs/").content
    assert b"All runs" in as_victor.get("/runs/?status=failed").content


def test_outsiders_see_their_own_runs_only(as_charlie: Client, run: Run) -> None:
    assert ids(as_charlie) == []


def test_the_number_of_queries_does_not_grow(
    as_victor: Client, home: Workspace, olga: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for _ in range(12):
        child_of(start_refund(home, olga), start_refund(home, olga))
    for address in (
        "/runs/",
        "/runs/?status=open&status=failed&agent=refund",
        "/runs/?q=refund&attribute=a%3D1",
        f"/runs/?workspace={home.slug}",
    ):
        with django_assert_max_num_queries(10):
            as_victor.get(address)
