"""Before a message is tried, its execution is written down, and from then on it cannot be taken back."""

from __future__ import annotations

import pytest

from reviews.escalations import actions as escalations
from reviews.escalations.faults import TooLate
from reviews.escalations.models import Decision, Escalation
from reviews.outbox import actions as outbox
from reviews.outbox.models import Message
from reviews.people.models import Account
from tests.support.people import approve


@pytest.fixture
def decision(question: Escalation, bob: Account) -> Decision:
    return approve(question, bob)


def begun(decision: Decision, run_id: str) -> Message:
    message = Message.objects.get(subject=decision.id)
    assert outbox.begin(message, run_id, epoch=outbox.raise_epoch("test", 1))
    return Message.objects.get(subject=decision.id)


def test_the_execution_is_written_down(decision: Decision) -> None:
    assert begun(decision, "the-successor").run_id == "the-successor"


def test_what_may_have_been_sent_is_not_undone(decision: Decision, bob: Account) -> None:
    assert begun(decision, "an-execution").tried_at is not None
    with pytest.raises(TooLate):
        escalations.undo(decision, by=bob)


def test_a_retry_keeps_the_time_of_the_first_try(decision: Decision) -> None:
    first = begun(decision, "an-execution")
    assert begun(decision, "an-execution").tried_at == first.tried_at


def test_what_was_undone_is_not_begun(decision: Decision, bob: Account) -> None:
    message = Message.objects.get(subject=decision.id)
    escalations.undo(decision, by=bob)
    assert not outbox.begin(message, "an-execution", epoch=outbox.raise_epoch("test", 1))


def test_a_bridge_that_was_replaced_marks_nothing(decision: Decision) -> None:
    message = Message.objects.get(subject=decision.id)
    stale = outbox.raise_epoch("old", 1)
    outbox.raise_epoch("new", 2)
    for mark in (
        lambda: outbox.begin(message, "an-execution", epoch=stale),
        lambda: outbox.sent(message, epoch=stale),
        lambda: outbox.refused(message, "no", epoch=stale),
        lambda: outbox.try_again(message, "no", epoch=stale),
    ):
        with pytest.raises(outbox.StaleEpoch):
            mark()
    after = Message.objects.get(subject=decision.id)
    assert (after.state, after.tried_at, after.attempts) == ("pending", None, 0)
