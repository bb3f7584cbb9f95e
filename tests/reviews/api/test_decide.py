"""POST /escalations/{id}/decisions."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from reviews.audit.models import AuditEvent
from reviews.escalations import actions
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run, RunStatus
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Role
from tests.support.people import REFUND, People, ask_refund, start_refund
from tests.support.rest import Answer, Rest


@pytest.fixture
def approval(question: Escalation) -> dict[str, Any]:
    return {"verdict": "approve", "digest": question.digest}


def _decide(
    rest: Rest, question: Escalation, body: Any, by: Account | str | None, key: str | None = "k"
) -> Answer:
    return rest.post(f"/escalations/{question.id}/decisions", body, by, key=key)


def _signals() -> list[Message]:
    return list(Message.objects.filter(kind="signal"))


def test_an_approval_is_recorded_with_its_signal_and_its_audit(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    answer = _decide(rest, question, approval, bob)

    assert answer.status == 201
    decision = Decision.objects.get()
    assert answer.json["id"] == str(decision.id)
    assert answer.json["verdict"] == "approve"
    assert answer.json["by"] == {"id": str(bob.id), "name": "Bob"}
    assert answer.json["delivery"]["state"] == "recorded"
    assert [message.request_id for message in _signals()] == [decision.id]
    assert AuditEvent.objects.filter(verb="decision.recorded", actor=bob).count() == 1


def test_an_edit_carries_the_whole_values(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    answer = _decide(rest, question, approval | {"verdict": "edit", "response": REFUND | {"amount": 99}}, bob)

    assert (answer.status, answer.json["response"]["amount"]) == (201, 99)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"verdict": "retry"}, "/verdict"),
        ({"verdict": 7}, "/verdict"),
        ({"verdict": "edit"}, "/response"),
        ({"verdict": "edit", "response": REFUND | {"amount": "9"}}, "/response/amount"),
        ({"verdict": "edit", "response": {"amount": 9, "reason": ""}}, "/response/customer"),
        ({"verdict": "respond", "response": {"text": " "}}, "/response/text"),
        ({"response": {"text": "unasked"}}, "/response"),
        ({"response": []}, "/response"),
        ({"comment": "x" * 20_001}, "/comment"),
        ({"digest": None}, "/digest"),
        ({"reviewer": "alice"}, "/reviewer"),
    ],
)
def test_a_faulty_answer_is_pointed_at_and_not_taken(
    rest: Rest,
    question: Escalation,
    approval: dict[str, Any],
    bob: Account,
    change: dict[str, Any],
    pointer: str,
) -> None:
    answer = _decide(rest, question, approval | change, bob)

    assert (answer.status, answer.problem, answer.pointers) == (422, "validation", [pointer])
    assert not Decision.objects.exists()
    assert not _signals()


def test_the_same_key_and_body_again_gets_the_same_answer(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    first = _decide(rest, question, approval, bob)
    again = _decide(rest, question, dict(reversed(approval.items())), bob)

    assert (again.status, again.json) == (201, first.json)
    assert Decision.objects.count() == len(_signals()) == 1


def test_the_same_key_with_another_body_is_refused(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    _decide(rest, question, approval, bob)
    answer = _decide(rest, question, approval | {"verdict": "reject"}, bob)

    assert (answer.status, answer.problem) == (422, "idempotency-key-reused")


def test_the_same_key_for_another_question_is_refused(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account, run: Run
) -> None:
    _decide(rest, question, approval, bob)

    assert _decide(rest, ask_refund(run, "refund-2"), approval, bob).problem == "idempotency-key-reused"


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        (None, "idempotency-key-missing"),
        ("", "idempotency-key-missing"),
        ("k" * 256, "idempotency-key-invalid"),
        ("tab\tbed", "idempotency-key-invalid"),
        ("schlüssel", "idempotency-key-invalid"),
    ],
)
def test_a_key_is_needed(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account, key: str | None, problem: str
) -> None:
    answer = _decide(rest, question, approval, bob, key)

    assert (answer.status, answer.problem) == (422, problem)
    assert not Decision.objects.exists()


def test_a_key_of_255_characters_is_taken(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    assert _decide(rest, question, approval, bob, "k" * 255).status == 201


def test_the_second_reviewer_is_told_who_decided(
    rest: Rest, question: Escalation, approval: dict[str, Any], alice: Account, bob: Account
) -> None:
    first = _decide(rest, question, approval, bob)
    answer = _decide(rest, question, approval | {"verdict": "reject"}, alice)

    assert (answer.status, answer.problem) == (409, "already-decided")
    assert answer.json["decision"] == first.json
    assert Decision.objects.count() == 1


def test_a_refusal_is_not_remembered(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account
) -> None:
    stale = _decide(rest, question, approval | {"digest": "0" * 64}, bob)
    answer = _decide(rest, question, approval, bob)

    assert (stale.status, stale.problem) == (409, "proposal-changed")
    assert answer.status == 201


def test_a_question_of_a_closed_run_is_withdrawn(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account, run: Run
) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.TERMINATED)
    actions.chain_closed(Run.objects.get(id=run.id))
    answer = _decide(rest, question, approval, bob)

    assert (answer.status, answer.problem) == (409, "withdrawn")


def test_the_starter_may_be_barred(rest: Rest, people: People, alice: Account) -> None:
    run = start_refund(people.home, alice)
    question = ask_refund(run, policy={"starter_may_decide": False})
    answer = _decide(rest, question, {"verdict": "approve", "digest": question.digest}, alice)

    assert (answer.status, answer.problem) == (403, "not-yours")


def test_an_agent_never_decides_whatever_its_role(
    rest: Rest, question: Escalation, approval: dict[str, Any], people: People, robo: Account
) -> None:
    workspaces.grant(people.home, robo, Role.ADMIN, by=people.alice)

    assert _decide(rest, question, approval, robo).problem == "forbidden"
    assert not Decision.objects.exists()


def test_who_may_not_decide_learns_nothing_of_faults(
    rest: Rest, question: Escalation, victor: Account, charlie: Account
) -> None:
    assert _decide(rest, question, b"{", None, None).problem == "unauthorized"
    assert _decide(rest, question, b"{", charlie, None).problem == "not-found"
    assert _decide(rest, question, b"{", victor, None).problem == "forbidden"


def test_an_unknown_question_is_not_found_whatever_the_body(rest: Rest, bob: Account) -> None:
    for id in (uuid.uuid4(), "not-a-uuid"):
        assert rest.post(f"/escalations/{id}/decisions", b"{", bob).problem == "not-found"


def test_a_question_carried_into_a_successor_is_answered_there(
    rest: Rest, question: Escalation, approval: dict[str, Any], bob: Account, run: Run
) -> None:
    successor = mirroring.adopt(run.namespace, run.workflow_id, "successor")
    Run.objects.filter(id=successor.id).update(chain=run.chain, previous=run)
    Run.objects.filter(id=run.id).update(status=RunStatus.CONTINUED_AS_NEW)

    assert _decide(rest, question, approval, bob).status == 201


@pytest.mark.django_db(transaction=True)
def test_the_same_request_from_many_connections_is_one_decision(
    rest: Rest, question: Escalation, approval: dict[str, Any], people: People, bob: Account
) -> None:
    bearer, start = people.bearer(bob), threading.Barrier(5)

    def post(_: int) -> Answer:
        start.wait()
        try:
            return _decide(Rest(Client(), people), question, approval, bearer)
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        answers = list(pool.map(post, range(5)))
    assert [answer.status for answer in answers] == [201] * 5
    assert len({answer.json["id"] for answer in answers}) == Decision.objects.count() == len(_signals()) == 1
