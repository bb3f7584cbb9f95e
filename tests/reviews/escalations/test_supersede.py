"""A word of one execution takes back its own signal, and not the one that its reset's new execution waits for."""

from __future__ import annotations

import pytest

from reviews.escalations import actions
from reviews.escalations.models import Escalation
from reviews.outbox.models import Message, MessageState
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run
from tests.support.people import approve


@pytest.mark.parametrize("word", ["acknowledge", "settle"])
def test_a_late_word_of_the_base_run_leaves_the_signal_for_the_reset_run(
    question: Escalation, bob: Account, word: str
) -> None:
    base = question.run
    decision = approve(question, bob)
    fresh = mirroring.adopt(base.namespace, base.workflow_id, "made-by-a-reset")
    mirroring.join_chain(fresh, base)
    fresh = Run.objects.get(id=fresh.id)
    actions.run_was_reset(fresh, [question.id])

    assert base.run_id is not None
    if word == "acknowledge":
        actions.acknowledge(decision.id, "acted_on", run_id=base.run_id)
    else:
        actions.settle(question.id, "expired", run_id=base.run_id)

    states = dict(Message.objects.filter(subject=decision.id).values_list("run_id", "state"))
    assert states == {base.run_id: MessageState.SUPERSEDED, fresh.run_id: MessageState.PENDING}
