"""POST /runs."""

from __future__ import annotations

import pytest

from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, register_refund
from tests.support.rest import Rest


@pytest.fixture
def refund(home: Workspace) -> dict[str, object]:
    """A body that starts a refund."""
    register_refund(home.namespace)
    return {"workspace": home.slug, "agent": "refund", "input": REFUND}


def test_the_run_is_recorded_at_once_and_named_by_temporal_later(
    rest: Rest, refund: dict[str, object], olga: Account
) -> None:
    answer = rest.post("/runs", refund, olga)

    assert answer.status == 201
    run = Run.objects.get()
    assert answer.json["id"] == str(run.id)
    assert answer.json["workflow_id"] == run.workflow_id
    assert (answer.json["status"], answer.json["run_id"]) == ("starting", None)
    assert answer.json["url"].endswith(f"/{run.id}/")
    assert answer.json["created_at"].endswith("Z")
    assert Message.objects.get().kind == MessageKind.START


def test_each_fault_of_the_input_has_its_pointer(
    rest: Rest, refund: dict[str, object], olga: Account
) -> None:
    answer = rest.post("/runs", refund | {"input": {"amount": -1, "reason": "x", "extra/1": 0}}, olga)

    assert (answer.status, answer.problem) == (422, "validation")
    assert sorted(answer.pointers) == ["/input", "/input/amount", "/input/customer"]
    assert not Run.objects.exists()


def test_an_unknown_agent_is_a_fault_of_the_body(
    rest: Rest, refund: dict[str, object], olga: Account
) -> None:
    answer = rest.post("/runs", refund | {"agent": "nobody\x00"}, olga)

    assert (answer.status, answer.pointers) == (422, ["/agent"])


def test_a_viewer_starts_nothing(rest: Rest, refund: dict[str, object], victor: Account) -> None:
    assert rest.post("/runs", refund, victor).problem == "forbidden"
    assert not Run.objects.exists()


def test_a_workspace_abroad_is_not_there(rest: Rest, refund: dict[str, object], charlie: Account) -> None:
    assert rest.post("/runs", refund, charlie).problem == "not-found"


def test_the_same_key_starts_one_run(rest: Rest, refund: dict[str, object], olga: Account) -> None:
    first, second = rest.post("/runs", refund, olga, key="k"), rest.post("/runs", refund, olga, key="k")

    assert (first.status, second.status) == (201, 201)
    assert first.json == second.json
    assert Run.objects.count() == Message.objects.count() == 1


def test_without_a_key_each_post_starts_a_run(rest: Rest, refund: dict[str, object], olga: Account) -> None:
    rest.post("/runs", refund, olga)
    rest.post("/runs", refund, olga)

    assert Run.objects.count() == 2


def test_the_same_key_with_another_input_is_refused(
    rest: Rest, refund: dict[str, object], olga: Account
) -> None:
    rest.post("/runs", refund, olga, key="k")
    answer = rest.post("/runs", refund | {"input": REFUND | {"amount": 1}}, olga, key="k")

    assert (answer.status, answer.problem) == (422, "idempotency-key-reused")


def test_two_people_may_use_the_same_key(
    rest: Rest, refund: dict[str, object], olga: Account, alice: Account
) -> None:
    rest.post("/runs", refund, olga, key="k")

    assert rest.post("/runs", refund, alice, key="k").status == 201
    assert Run.objects.count() == 2


def test_a_refused_start_leaves_no_memory(rest: Rest, refund: dict[str, object], olga: Account) -> None:
    rest.post("/runs", refund | {"agent": "later"}, olga, key="k")

    assert rest.post("/runs", refund, olga, key="k").status == 201
