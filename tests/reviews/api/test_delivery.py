"""GET and DELETE /decisions/{id}: following a decision, and taking it back."""

from __future__ import annotations

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from reviews.escalations import actions
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.models import Run
from tests.support.people import approve
from tests.support.rest import Rest


@pytest.fixture
def decision(question: Escalation, bob: Account) -> Decision:
    return approve(question, bob)


def test_a_decision_that_temporal_does_not_take_says_so(
    rest: Rest, decision: Decision, victor: Account
) -> None:
    Message.objects.filter(subject=decision.id).update(
        attempts=3, tried_at=timezone.now(), last_error="no answer"
    )
    delivery = rest.get(f"/decisions/{decision.id}", victor).json["delivery"]

    assert (delivery["state"], delivery["waiting_for"]) == ("recorded", "temporal")
    assert delivery["last_error"] == "no answer"


def test_a_decision_acted_on_waits_for_nobody(
    rest: Rest, decision: Decision, run: Run, victor: Account
) -> None:
    actions.acknowledge(decision.id, "acted_on", run_id=run.run_id or "")
    delivery = rest.get(f"/decisions/{decision.id}", victor).json["delivery"]

    assert (delivery["state"], delivery["waiting_for"], delivery["last_error"]) == ("acted_on", None, None)
    assert delivery["acted_on_at"].endswith("Z")


def test_an_undone_decision_leaves_the_question_open(
    rest: Rest, question: Escalation, settings: Settings, bob: Account
) -> None:
    settings.UNDO_SECONDS = 10
    decision = approve(question, bob)
    before = rest.get(f"/decisions/{decision.id}", bob).json["delivery"]
    first, again = (rest.delete(f"/decisions/{decision.id}", bob) for _ in range(2))

    assert before["waiting_for"] is None
    assert (first.status, first.content, again.status) == (204, b"", 204)
    assert rest.get(f"/escalations/{question.id}", bob).json["state"] == "pending"
    assert rest.get(f"/escalations/{question.id}", bob).json["decision"] is None
    assert rest.get(f"/decisions/{decision.id}", bob).json["delivery"]["state"] == "undone"


def test_what_was_handed_to_temporal_cannot_be_undone(rest: Rest, decision: Decision, bob: Account) -> None:
    Message.objects.filter(subject=decision.id).update(tried_at=timezone.now())

    assert rest.delete(f"/decisions/{decision.id}", bob).problem == "too-late"


def test_only_who_may_decide_may_undo(
    rest: Rest, decision: Decision, victor: Account, charlie: Account
) -> None:
    assert rest.delete(f"/decisions/{decision.id}", victor).problem == "forbidden"
    assert rest.delete(f"/decisions/{decision.id}", charlie).problem == "not-found"
    assert rest.delete(f"/decisions/{decision.id}").problem == "unauthorized"


def test_nobody_undoes_the_decision_of_another(rest: Rest, decision: Decision, ada: Account) -> None:
    assert rest.delete(f"/decisions/{decision.id}", ada).problem == "not-yours"
