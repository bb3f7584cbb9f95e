"""Saying something: recorded and queued in one transaction, in order, to whoever listens now."""

from __future__ import annotations

import uuid

import pytest

from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.conversations.actions import LONGEST_TEXT, end, say
from reviews.conversations.models import Conversation, Turn
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.actions import RunClosed
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run, RunStatus
from tests.support.people import People, start_refund


def test_a_message_is_a_turn_and_a_signal_of_the_same_id(run: Run, olga: Account) -> None:
    turn = say(run, "  Hello\r\nthere\x00 ", by=olga)

    [message] = Message.objects.filter(kind="signal")
    assert (turn.number, turn.text, turn.by) == (1, "Hello\nthere\ufffd", olga)
    assert message.request_id == turn.id and turn.key == str(turn.id)
    assert message.body["name"] == "chat_message"
    assert message.body["input"] == {"id": turn.key, "text": turn.text, "by": "Olga", "recorded": True}
    assert AuditEvent.objects.filter(verb="run.signal", actor=olga).count() == 1
    conversation = Conversation.objects.get()
    assert Change.objects.filter(topic="conversation", object_id=conversation.id).exists()


def test_turns_count_without_a_gap_in_the_order_of_the_outbox(run: Run, olga: Account, ada: Account) -> None:
    turns = [say(run, f"no {number}", by=by) for number, by in enumerate((olga, ada, olga))]

    assert [turn.number for turn in turns] == [1, 2, 3]
    sent = Message.objects.filter(kind="signal").order_by("id").values_list("request_id", flat=True)
    assert list(sent) == [turn.id for turn in turns]


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Write something"), (" \n\t ", "Write something"), ("x" * 100_000, "this has 100,000")],
)
def test_nothing_and_too_much_are_refused_with_the_reason(
    run: Run, olga: Account, text: str, words: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        say(run, text, by=olga)

    assert words in str(refused.value)
    assert not Turn.objects.exists() and not Message.objects.filter(kind="signal").exists()


def test_the_longest_message_is_taken(run: Run, olga: Account) -> None:
    assert len(say(run, "x" * LONGEST_TEXT, by=olga).text) == LONGEST_TEXT


def test_what_is_said_to_an_older_execution_goes_to_the_newest(run: Run, olga: Account) -> None:
    newest = mirroring.adopt(run.namespace, run.workflow_id, "the-next-one")
    Run.objects.filter(id=run.id).update(status=RunStatus.CONTINUED_AS_NEW)

    assert say(run, "Still there?", by=olga).run == newest
    assert Message.objects.get(kind="signal").run_id == "the-next-one"


def test_a_run_that_has_just_continued_as_new_is_no_closed_conversation(run: Run, olga: Account) -> None:
    """Its successor is met here a moment later; the courier finds it at Temporal."""
    Run.objects.filter(id=run.id).update(status=RunStatus.CONTINUED_AS_NEW, run_id="old")
    turn = say(run, "Are you there?", by=olga)
    assert Message.objects.get(request_id=turn.id).run_id == "old"


def test_a_closed_conversation_takes_nothing(run: Run, olga: Account) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    for act in (lambda: say(run, "Hello?", by=olga), lambda: end(run, by=olga)):
        with pytest.raises(RunClosed):
            act()

    assert not Turn.objects.exists()


def test_a_run_that_is_no_conversation_takes_nothing(people: People, olga: Account) -> None:
    refund = start_refund(people.home, olga)
    with pytest.raises(InvalidInput):
        say(refund, "Hello?", by=olga)


def test_ending_is_a_signal(run: Run, olga: Account) -> None:
    end(run, by=olga)

    [message] = Message.objects.filter(kind="signal")
    assert message.body["name"] == "chat_end"
    assert uuid.UUID(str(message.request_id))
