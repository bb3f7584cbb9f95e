"""Children stand folded below the run that started them."""

from __future__ import annotations

import pytest
from django.test import Client

from reviews.pages import run_list
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.reviews.pages.test_runs import ids
from tests.support.people import ask_refund, child_of, start_refund


@pytest.fixture
def family(home: Workspace, olga: Account) -> list[Run]:
    """A run, its two children and a grandchild; each is newer than the one before."""
    eldest = start_refund(home, olga)
    first, second = (child_of(eldest, start_refund(home, olga)) for _ in range(2))
    return [eldest, first, second, child_of(second, start_refund(home, olga))]


def rows(client: Client, address: str) -> list[tuple[object, int]]:
    return [(row.run.id, row.depth) for row in client.get(address).context["rows"]]


def test_only_runs_without_a_parent_are_listed_and_that_is_said(as_victor: Client, family: list[Run]) -> None:
    page = as_victor.get("/runs/")
    assert [row.run.id for row in page.context["rows"]] == [family[0].id]
    assert "2 children" in page.content.decode()
    assert "1 run without a parent; children are folded" in page.content.decode()
    assert 'href="/runs/?flat=1"' in page.content.decode()


def test_a_folded_child_that_waits_is_said(as_victor: Client, family: list[Run]) -> None:
    assert "one waits for a person" not in as_victor.get("/runs/").content.decode()
    ask_refund(family[1])
    assert "one waits for a person" in as_victor.get("/runs/").content.decode()


def test_a_run_is_unfolded_in_place_level_by_level(as_victor: Client, family: list[Run]) -> None:
    eldest, first, second, grandchild = (run.id for run in family)
    shown = as_victor.get(f"/runs/?unfold={eldest}")
    assert rows(as_victor, f"/runs/?unfold={eldest}") == [(eldest, 0), (second, 1), (first, 1)]
    deeper = shown.context["rows"][1].toggle
    assert rows(as_victor, deeper) == [(eldest, 0), (second, 1), (grandchild, 2), (first, 1)]
    assert as_victor.get(deeper).context["rows"][0].toggle == f"/runs/?unfold={second}"
    assert rows(as_victor, f"/runs/?unfold={second}") == [(eldest, 0)]


def test_the_fragment_reloads_with_what_is_unfolded(as_victor: Client, family: list[Run]) -> None:
    address = f"/runs/?unfold={family[0].id}"
    fragment = as_victor.get(address, headers={"HX-Request": "true"}).content.decode()
    assert fragment.startswith('<div id="run-list"')
    assert f'hx-get="{address}" hx-trigger="live"' in fragment
    assert fragment.count("<tr id=") == 3


def test_with_a_filter_all_are_listed_with_a_note_of_their_parent(
    as_victor: Client, family: list[Run]
) -> None:
    page = as_victor.get("/runs/?status=open")
    assert len(page.context["rows"]) == 4
    assert page.content.decode().count("child of") == 3
    assert f'href="/runs/?parent={family[0].id}"' in page.content.decode()
    assert len(ids(as_victor, "/runs/?flat=1")) == 4


def test_more_children_than_are_shown_have_a_list(
    as_victor: Client, family: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_list, "CHILDREN", 1)
    page = as_victor.get(f"/runs/?unfold={family[0].id}")
    assert [row.run.id for row in page.context["rows"]] == [family[0].id, family[2].id]
    assert "list all children" in page.content.decode()


def test_children_abroad_are_neither_counted_nor_shown(
    as_victor: Client, family: list[Run], abroad: Workspace
) -> None:
    Run.objects.filter(id__in=[family[1].id, family[2].id]).update(workspace=abroad)
    page = as_victor.get(f"/runs/?unfold={family[0].id}")
    assert [row.run.id for row in page.context["rows"]] == [family[0].id]
    assert "children" not in page.context["rows"][0].children


def test_a_parent_abroad_is_not_named(as_victor: Client, family: list[Run], abroad: Workspace) -> None:
    Run.objects.filter(id=family[0].id).update(workspace=abroad, title="Secret")
    page = as_victor.get("/runs/?status=open").content.decode()
    assert page.count("child of") == 1
    assert "Secret" not in page
    assert str(family[0].id) not in page


def test_a_circle_of_parents_ends(as_victor: Client, family: list[Run]) -> None:
    Run.objects.filter(id=family[2].id).update(parent=family[3])
    unfolded = "&".join(f"unfold={run.id}" for run in family)
    assert rows(as_victor, f"/runs/?{unfolded}") == [(family[0].id, 0), (family[1].id, 1)]
