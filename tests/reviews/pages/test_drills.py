"""The pages of drills: what is offered to whom, and what a drill's page shows as it goes on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from reviews.drills import actions
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace

ADDRESS = "/drills/"
LAUNCHED: list[Drill] = []

Capture = Callable[..., object]


def launch(drill: Drill) -> None:
    LAUNCHED.append(drill)


def launch_nothing(drill: Drill) -> None:
    raise OSError(12, "Cannot allocate memory")


@pytest.fixture
def launched(settings: Settings) -> list[Drill]:
    """On a site that starts again what dies."""
    LAUNCHED.clear()
    settings.DRILL_LAUNCHER = f"{__name__}.launch"
    return LAUNCHED


def form(kind: str = "worker", **fields: str) -> dict[str, str]:
    return {"kind": kind, "workspace": "home", "attempt": "the-attempt-of-this-form"} | fields


def said(client: Client, address: str = ADDRESS) -> str:
    return client.get(address).content.decode()


def test_an_operator_starts_one_and_watches_it(
    as_olga: Client, olga: Account, launched: list[Drill], django_capture_on_commit_callbacks: Capture
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        answer = as_olga.post(ADDRESS, form())
    drill = Drill.objects.get()
    assert answer["Location"] == f"/drills/{drill.id}/"
    assert (drill.kind, drill.workspace.slug, drill.by, launched) == ("worker", "home", olga, [drill])
    assert "It is being started" in said(as_olga, answer["Location"])
    assert "A drill runs now." in said(as_olga)


def test_a_double_click_starts_one(as_olga: Client, launched: list[Drill]) -> None:
    first, second = as_olga.post(ADDRESS, form()), as_olga.post(ADDRESS, form())
    assert first["Location"] == second["Location"]
    assert Drill.objects.count() == 1


def test_a_second_one_waits_for_the_first(as_olga: Client, as_alice: Client, launched: list[Drill]) -> None:
    as_olga.post(ADDRESS, form())
    answer = as_alice.post(ADDRESS, form("bridge", attempt="another-attempt-of-it"), follow=True)
    assert "Another drill runs." in answer.content.decode()
    assert Drill.objects.count() == 1


def test_a_process_that_cannot_be_started_ends_it(
    as_olga: Client, settings: Settings, django_capture_on_commit_callbacks: Capture
) -> None:
    settings.DRILL_LAUNCHER = f"{__name__}.launch_nothing"
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        as_olga.post(ADDRESS, form())
    drill = Drill.objects.get()
    assert (drill.state, "Cannot allocate memory" in drill.verdict) == ("interrupted", True)


def test_where_nothing_is_started_again_nothing_is_killed(as_olga: Client) -> None:
    assert "make up" in said(as_olga)
    assert "manage.py drill crash" in said(as_olga)
    assert "Kill the worker at task 47" not in said(as_olga)
    assert as_olga.post(ADDRESS, form()).status_code == 409
    assert not Drill.objects.exists()


@pytest.mark.parametrize("kind", ["bridge", "web", "temporal"])
def test_who_may_not_decide_starts_none_that_does(as_olga: Client, launched: list[Drill], kind: str) -> None:
    assert as_olga.post(ADDRESS, form(kind)).status_code == 403
    assert said(as_olga).count("which your role may not") == 3
    assert not Drill.objects.exists()


def test_the_owner_may_start_all_of_them(as_alice: Client, home: Workspace, launched: list[Drill]) -> None:
    assert said(as_alice).count("Start…") == len(DrillKind)


def test_reviewers_and_viewers_watch(as_bob: Client, as_victor: Client, launched: list[Drill]) -> None:
    for client in (as_bob, as_victor):
        assert "Somebody with the role operator can start one." in said(client)
        assert client.post(ADDRESS, form()).status_code == 403
    assert not Drill.objects.exists()


def test_an_unknown_kind_or_a_foreign_workspace_is_not_found(
    as_olga: Client, abroad: Workspace, launched: list[Drill]
) -> None:
    assert as_olga.post(ADDRESS, form("postgres")).status_code == 404
    assert as_olga.post(ADDRESS, form(workspace="abroad")).status_code == 404
    assert as_olga.get(f"{ADDRESS}?workspace=abroad").status_code == 404


def test_a_drill_as_it_goes_on(as_victor: Client, home: Workspace, olga: Account, run: Run) -> None:
    drill = actions.start_drill(home, DrillKind.WORKER, by=olga)
    actions.follow(drill, run, tasks=50, task=47)
    actions.count(drill, 46)
    address = f"/drills/{drill.id}/"
    assert f'data-live="drill:{drill.id}"' in said(as_victor, address)
    assert "46 of 50 tasks are answered." in said(as_victor, address)
    assert "The worker is killed during task 47" in said(as_victor, address)
    cells = as_victor.get(address).context["cells"]
    assert [cell["kind"] for cell in cells[44:48]] == ["done", "done", "now struck", "later"]
    actions.struck(drill, "kill -9 <4711>")
    assert "kill -9 &lt;4711&gt;" in said(as_victor, address)
    assert "The worker was killed during task 47" in said(as_victor, address)
    actions.end_drill(drill, DrillState.PASSED, "All 50 tasks are answered.", answered=50, repeated=1)
    assert "The drill passed." in said(as_victor, address)
    assert as_victor.get(address).context["figures"] == [("Tasks answered", 50), ("Tasks asked twice", 1)]
    assert "All 50 tasks are answered." in said(as_victor)


def test_a_fragment_is_the_same_without_the_frame(as_victor: Client, home: Workspace, olga: Account) -> None:
    drill = actions.start_drill(home, DrillKind.WORKER, by=olga)
    for address in (ADDRESS, f"/drills/{drill.id}/"):
        part = as_victor.get(address, headers={"HX-Request": "true"}).content.decode()
        assert part.lstrip().startswith("<div id=")
        assert "<html" not in part


def test_outsiders_see_none(as_charlie: Client, home: Workspace, olga: Account) -> None:
    drill = actions.start_drill(home, DrillKind.WORKER, by=olga)
    assert str(drill.id) not in said(as_charlie)
    assert as_charlie.get(f"/drills/{drill.id}/").status_code == 404


def test_older_ones_stand_on_further_pages(as_victor: Client, home: Workspace, olga: Account) -> None:
    for _ in range(31):
        actions.end_drill(actions.start_drill(home, DrillKind.WEB, by=olga), DrillState.PASSED, "Well.")
    first = as_victor.get(ADDRESS)
    assert len(first.context["drills"]) == 30
    rest = as_victor.get(f"{ADDRESS}?before={first.context['older']}")
    assert (len(rest.context["drills"]), rest.context["older"]) == (1, None)
