"""POST /escalations: asking without the activity."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from reviews.escalations.models import Escalation
from reviews.people.models import Account
from reviews.runs.models import Run, RunStatus
from tests.support.people import refund_question, start_refund
from tests.support.rest import Rest


@pytest.mark.parametrize("name", ["id", "workflow_id"])
def test_a_workflow_asks_by_either_name_of_its_run(rest: Rest, run: Run, robo: Account, name: str) -> None:
    answer = rest.post(
        "/escalations", refund_question() | {"run": str(getattr(run, name)), "workspace": "home"}, robo
    )

    assert answer.status == 201
    escalation = Escalation.objects.get()
    assert answer.json["id"] == str(escalation.id)
    assert (answer.json["run"], answer.json["state"]) == (str(run.id), "pending")
    assert answer.json["digest"] == escalation.digest
    assert answer.json["proposal"] == refund_question()["proposal"]
    assert answer.json["policy"]["risk"] == "medium"


def test_asking_again_opens_nothing_new(rest: Rest, run: Run, robo: Account) -> None:
    body = refund_question() | {"run": str(run.id)}
    first, again = rest.post("/escalations", body, robo), rest.post("/escalations", body, robo)

    assert (again.status, again.json) == (201, first.json)


def test_another_question_under_the_same_id_is_refused(rest: Rest, run: Run, robo: Account) -> None:
    rest.post("/escalations", refund_question() | {"run": str(run.id)}, robo)
    answer = rest.post("/escalations", refund_question(title="Something else") | {"run": str(run.id)}, robo)

    assert (answer.status, answer.problem) == (409, "proposal-differs")


def test_a_closed_run_asks_nothing(rest: Rest, run: Run, robo: Account) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    answer = rest.post("/escalations", refund_question() | {"run": str(run.id)}, robo)

    assert (answer.status, answer.problem) == (409, "run-closed")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"title": 5}, "/title"),
        ({"options": [{"verdict": "shrug"}]}, "/options/0/verdict"),
        ({"options": {"verdict": "approve"}}, "/options"),
        ({"policy": {"risk": "none"}}, "/policy/risk"),
        ({"policy": 5}, "/policy"),
        ({"evidence": [{"kind": "text"}, {"kind": "smell"}]}, "/evidence/1/kind"),
        ({"request_id": ""}, "/request_id"),
        ({"request_id": "x" * 256}, "/request_id"),
        ({"proposals": {}}, "/proposals"),
    ],
)
def test_a_message_out_of_shape_is_pointed_at(
    rest: Rest, run: Run, robo: Account, change: dict[str, Any], pointer: str
) -> None:
    answer = rest.post("/escalations", refund_question() | {"run": str(run.id)} | change, robo)

    assert (answer.status, answer.problem, answer.pointers) == (422, "validation", [pointer])
    assert not Escalation.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"title": " "},
        {"options": []},
        {"form": None},
        {"form": {"type": "nonsense"}},
        {"form": {"properties": {"customer": {"pattern": "("}}}},
        {"form": {"$ref": "#/nowhere"}},
        {"form": {"$ref": "#"}},
        {"form": {"$ref": "http://127.0.0.1:9/form.json"}},
        {"proposal": {"amount": 2**53 + 2}},
        {"policy": {"deadline": "tomorrow"}},
        {"policy": {"deadline": "2030-01-01T00:00:00"}},
    ],
)
def test_a_question_that_cannot_be_shown_is_not_asked(
    rest: Rest, run: Run, robo: Account, change: dict[str, Any]
) -> None:
    answer = rest.post("/escalations", refund_question() | {"run": str(run.id)} | change, robo)

    assert (answer.status, answer.problem) == (422, "invalid-proposal")
    assert not Escalation.objects.exists()


def test_only_runs_that_one_may_know_of_ask(
    rest: Rest, run: Run, robo: Account, olga: Account, charlie: Account
) -> None:
    foreign = start_refund(rest.people.abroad, charlie)
    for name in (foreign.id, foreign.workflow_id, uuid.uuid4(), "nobody"):
        assert rest.post("/escalations", refund_question() | {"run": str(name)}, robo).problem == "not-found"
    misplaced = refund_question() | {"run": str(run.id), "workspace": "abroad"}
    assert rest.post("/escalations", misplaced, olga).problem == "not-found"


def test_a_reviewer_asks_nothing(rest: Rest, run: Run, bob: Account) -> None:
    assert rest.post("/escalations", refund_question() | {"run": str(run.id)}, bob).problem == "forbidden"
