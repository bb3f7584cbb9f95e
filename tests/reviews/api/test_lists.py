"""Lists: newest first, by cursor, with filters, in few queries."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.artifacts.actions import write_version
from reviews.escalations.models import Escalation
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.actions import register_agent_type
from reviews.runs.models import Run, RunStatus
from reviews.workspaces.models import Workspace
from tests.support.people import People, approve, ask_refund, start_refund
from tests.support.rest import Rest

LISTS = ["/agents", "/runs", "/escalations", "/files"]


@pytest.fixture
def seven_runs(people: People, home: Workspace) -> list[Run]:
    """Newest first; two of one moment."""
    runs = [start_refund(home, people.olga) for _ in range(7)]
    Run.objects.filter(id__in=[runs[2].id, runs[3].id]).update(created_at=runs[2].created_at)
    return list(Run.objects.order_by("-created_at", "-id"))


def _pages(rest: Rest, path: str, by: Account) -> list[list[str]]:
    pages: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None and len(pages) < 20:
        page = rest.get(f"{path}&cursor={cursor}", by).json
        pages.append([item["id"] for item in page["items"]])
        cursor = page["next"]
    return pages


def test_pages_follow_each_other_without_gap_or_repeat(
    rest: Rest, seven_runs: list[Run], victor: Account
) -> None:
    pages = _pages(rest, "/runs?limit=3", victor)

    assert [len(page) for page in pages] == [3, 3, 1]
    assert sum(pages, []) == [str(run.id) for run in seven_runs]


def test_what_arrives_meanwhile_shifts_no_page(rest: Rest, people: People, seven_runs: list[Run]) -> None:
    first = rest.get("/runs?limit=5", people.victor).json
    start_refund(people.home, people.olga)
    second = rest.get(f"/runs?limit=5&cursor={first['next']}", people.victor).json

    assert [item["id"] for item in first["items"] + second["items"]] == [str(run.id) for run in seven_runs]


def test_a_page_that_is_full_to_the_last_has_no_next(
    rest: Rest, seven_runs: list[Run], victor: Account
) -> None:
    assert rest.get("/runs?limit=7", victor).json["next"] is None


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=501", "/limit"),
        ("limit=many", "/limit"),
        ("cursor=!", "/cursor"),
        ("cursor=e30", "/cursor"),
        ("cursor=" + base64.urlsafe_b64encode(b'["2030-01-01", 7]').decode(), "/cursor"),
        ("cursor=%00", "/cursor"),
    ],
)
def test_a_limit_or_cursor_out_of_range_is_pointed_at(
    rest: Rest, victor: Account, path: str, query: str, pointer: str
) -> None:
    answer = rest.get(f"{path}?{query}", victor)

    assert (answer.status, answer.problem, answer.pointers) == (422, "validation", [pointer])
    assert answer.json["errors"][0]["in"] == "query"


@pytest.mark.parametrize(
    "position", [b'["now", "x"]', b'["2030-01-01T00:00:00+00:00", "x"]', b'["2030-01-01", "%s"]']
)
def test_a_cursor_of_another_list_is_refused(rest: Rest, victor: Account, position: bytes) -> None:
    cursor = base64.urlsafe_b64encode(position.replace(b"%s", str(uuid.uuid4()).encode())).decode()

    assert rest.get(f"/runs?cursor={cursor}", victor).pointers == ["/cursor"]


@pytest.mark.parametrize("path", ["/runs?status=", "/escalations?state="])
def test_an_unknown_state_is_pointed_at(rest: Rest, victor: Account, path: str) -> None:
    assert rest.get(path, victor).status == 200
    assert rest.get(path + "sleeping", victor).status == 422


@pytest.mark.parametrize("path", LISTS)
def test_filters_take_any_text(rest: Rest, victor: Account, path: str) -> None:
    hostile = "%00%F0%9F%92%A9%FF'%25"
    filters = f"agent={hostile}&workflow_id={hostile}&path={hostile}&type={hostile}&q={hostile}"
    answer = rest.get(f"{path}?{filters}&attribute={hostile}%3D{hostile}", victor)

    assert (answer.status, answer.json["next"]) == (200, None)


@pytest.mark.parametrize("path", LISTS)
def test_a_workspace_that_one_does_not_know_is_not_there(
    rest: Rest, abroad: Workspace, victor: Account, path: str
) -> None:
    for slug in ("abroad", "nowhere", "%00"):
        assert rest.get(f"{path}?workspace={slug}", victor).problem == "not-found"
    assert rest.get(f"{path}?workspace=home", victor).status == 200


def test_runs_are_found_by_each_filter(rest: Rest, seven_runs: list[Run], victor: Account) -> None:
    wanted = seven_runs[4]
    Run.objects.filter(id=wanted.id).update(status=RunStatus.FAILED, agent="other")

    for query in (
        f"workflow_id={wanted.workflow_id}",
        "status=failed",
        "agent=other",
        "status=failed&workspace=home",
    ):
        assert [item["id"] for item in rest.get(f"/runs?{query}", victor).json["items"]] == [str(wanted.id)]


@pytest.mark.parametrize(
    "query",
    [
        "type=Reconcile", "waiting=true", "started_before=2026-01-02T00:00:00Z", "q=émigré+parc", "q=order-12a",
        "attribute=region%3Deu", "attribute=priority%3D5", "attribute=tags%3Dgold", "parent={parent}",
        "type=Reconcile&waiting=true&q=parcel&attribute=vip%3Dtrue&parent={parent}&started_after=2025-12-31T00:00:00Z",
    ],
)  # fmt: skip
def test_runs_are_found_by_what_is_in_them(
    rest: Rest, seven_runs: list[Run], victor: Account, query: str
) -> None:
    wanted, parent = seven_runs[4], seven_runs[6]
    Run.objects.filter(id=wanted.id).update(
        workflow_type="Reconcile",
        waiting_for_human=True,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        title="Refund: the émigré's parcel",
        workflow_id="order-12ab34",
        search_attributes={"region": "eu", "priority": 5, "vip": True, "tags": ["late", "gold"]},
        parent=parent,
    )
    answer = rest.get(f"/runs?{query.format(parent=parent.id)}", victor)

    assert [item["id"] for item in answer.json["items"]] == [str(wanted.id)]


def test_what_does_not_wait_is_a_filter_too(rest: Rest, seven_runs: list[Run], victor: Account) -> None:
    Run.objects.filter(id=seven_runs[0].id).update(waiting_for_human=True)

    assert len(rest.get("/runs?waiting=false", victor).json["items"]) == 6


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("waiting=perhaps", "/waiting"),
        ("started_after=soon", "/started_after"),
        ("started_before=2026-01-02T00:00:00", "/started_before"),
        ("attribute=region", "/attribute"),
        ("attribute=%3Deu", "/attribute"),
        ("parent=somebody", "/parent"),
        ("q=" + "x" * 301, "/q"),
    ],
)
def test_a_filter_that_makes_no_sense_is_pointed_at(
    rest: Rest, victor: Account, query: str, pointer: str
) -> None:
    answer = rest.get(f"/runs?{query}", victor)

    assert (answer.status, answer.pointers) == (422, [pointer])


def test_what_is_abroad_is_in_no_list(
    rest: Rest, people: People, run: Run, question: Escalation, charlie: Account
) -> None:
    write_version(people.home, "report.md", b"#", media_type="text/markdown")

    for path in LISTS:
        assert rest.get(path, charlie).json["items"] == []


def test_a_runs_filter_matches_its_whole_chain(
    rest: Rest, run: Run, question: Escalation, victor: Account
) -> None:
    successor = mirroring.adopt(run.namespace, run.workflow_id, "successor")
    Run.objects.filter(id=successor.id).update(chain=run.chain, previous=run)
    elsewhere = start_refund(run.workspace, victor)

    def found(id: object) -> list[str]:
        return [item["id"] for item in rest.get(f"/escalations?run={id}", victor).json["items"]]

    assert found(run.id) == found(successor.id) == [str(question.id)]
    assert found(elsewhere.id) == []
    assert rest.get(f"/escalations?run={uuid.uuid4()}", victor).problem == "not-found"


def test_a_questions_state_is_a_filter(rest: Rest, run: Run, question: Escalation, bob: Account) -> None:
    other = ask_refund(run, "refund-2")
    approve(question, bob)

    pending, decided = (rest.get(f"/escalations?state={state}", bob).json for state in ("pending", "decided"))
    assert [item["id"] for item in pending["items"]] == [str(other.id)]
    assert [item["decision"]["verdict"] for item in decided["items"]] == ["approve"]


def test_agents_are_listed_by_name(rest: Rest, run: Run, victor: Account) -> None:
    (agent,) = rest.get("/agents", victor).json["items"]

    assert (agent["name"], agent["title"]) == ("refund", "Refund")
    assert agent["input_schema"]["required"] == ["customer", "amount", "reason"]
    assert agent["example"]["customer"] == "Dora"
    assert agent["url"].endswith("/runs/new/?workspace=home&agent=refund")


def test_agents_come_in_pages(rest: Rest, home: Workspace, victor: Account) -> None:
    for name in ("c", "a", "b"):
        register_agent_type(
            home.namespace, name, title=name, queue="q", workflow_type=name, input_schema={}, example={}
        )
    first = rest.get("/agents?limit=2", victor).json
    second = rest.get(f"/agents?limit=2&cursor={first['next']}", victor).json

    assert [agent["name"] for agent in first["items"] + second["items"]] == ["a", "b", "c"]
    assert second["next"] is None


@pytest.mark.parametrize("path", ["/runs", "/escalations"])
def test_what_can_be_listened_to_is_named(
    rest: Rest, run: Run, question: Escalation, victor: Account, path: str
) -> None:
    """`inbox:<workspace>` and `runs:<workspace>` take the id (docs/live.md)."""
    [item] = rest.get(path, victor).json["items"]
    found = rest.get(f"{path}/{item['id']}", victor).json

    assert item["workspace_id"] == found["workspace_id"] == str(run.workspace_id)


@pytest.mark.parametrize("path", LISTS)
def test_a_longer_list_costs_no_more_queries(rest: Rest, people: People, home: Workspace, path: str) -> None:
    def queries_with(count: int) -> int:
        for index in range(count):
            run = start_refund(home, people.olga)
            approve(ask_refund(run), people.bob)
            ask_refund(run, "refund-2")
            write_version(home, f"{run.id}/{index}", b"x", media_type="text/plain", by=people.olga, run=run)
        with CaptureQueriesContext(connection) as captured:
            assert rest.get(path, people.victor).status == 200
        return len(captured)

    rest.get(path, people.victor)  # its token is seen once a minute
    few, many = queries_with(1), queries_with(4)
    assert many == few <= 10
