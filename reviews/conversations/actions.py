"""Saying something in a conversation, ending it, and keeping what was said."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from reviews.changes import actions as changes
from reviews.conversations.models import Conversation, Turn, TurnRole
from reviews.conversations.queries import first_message, newest_run, takes_messages
from reviews.escalations.models import Escalation
from reviews.people.models import Account
from reviews.runs import actions as runs
from reviews.runs.faults import Fault, InvalidInput
from reviews.runs.models import Run
from reviews.runs.text import clean

MESSAGE_SIGNAL, END_SIGNAL = "chat_message", "chat_end"
FIRST = "first"
"""Key of the message that a conversation is started with: its run's input has it."""
LONGEST_TEXT = 8_000
"""Characters of one message; what is longer belongs into a file."""


@dataclass(frozen=True)
class Heard:
    """A turn as the workflow tells it; see :class:`~reviews.conversations.models.Turn`."""

    key: str
    role: str
    text: str = ""
    answers: str = ""
    name: str = ""
    tool: str = ""
    arguments: dict[str, Any] | None = None
    state: str = ""
    escalation_id: str | None = None
    model: str = ""
    demo: bool = False


def say(run: Run, text: str, *, by: Account) -> Turn:
    """Record what a person says, and queue it for the workflow's newest execution, in the order of recording.

    Raises :class:`~reviews.runs.faults.InvalidInput` for a text that is empty or too long and for a run that takes
    no messages, and :class:`~reviews.runs.actions.RunClosed`.
    """
    text = _checked(text)
    _require_ears(run)
    id = uuid.uuid4()
    with transaction.atomic():
        conversation = _locked(run)
        listening = newest_run(run)
        message = {"id": str(id), "text": text, "by": str(by), "recorded": True}
        runs.signal_run(listening, MESSAGE_SIGNAL, message, by=by, request_id=id, follow=True)
        turn = _append(
            conversation, id=id, key=str(id), role=TurnRole.PERSON, text=text, by=by, run=listening
        )
        _moved(conversation, listening)
    turn.refresh_from_db()
    return turn


def end(run: Run, *, by: Account) -> None:
    """Ask the agent to end the conversation once it has answered what was said. Asking again changes nothing.

    Raises :class:`~reviews.runs.faults.InvalidInput` for a run that takes no messages, and
    :class:`~reviews.runs.actions.RunClosed`.
    """
    _require_ears(run)
    runs.signal_run(newest_run(run), END_SIGNAL, {"by": str(by)}, by=by, follow=True)


def keep(run: Run, heard: Sequence[Heard]) -> int:
    """Write what the workflow tells, once each: a turn that is there is brought up to date. Answers their number."""
    with transaction.atomic():
        conversation = _locked(run)
        known = {turn.key: turn for turn in conversation.turns.filter(key__in=[one.key for one in heard])}
        for one in heard:
            fields = _fields(run, one)
            if one.key not in known:
                known[one.key] = _append(conversation, key=one.key, run=run, **fields)
            elif known[one.key].role != TurnRole.PERSON:
                _update(known[one.key], fields)
        _moved(conversation, run)
        return conversation.last_number


def _checked(text: str) -> str:
    text = str(clean(text)).replace("\r\n", "\n").strip()
    if not text:
        raise InvalidInput([Fault("/text", "Write something first.")])
    if len(text) > LONGEST_TEXT:
        words = f"At most {LONGEST_TEXT:,} characters; this has {len(text):,}. Put the rest into a file."
        raise InvalidInput([Fault("/text", words)])
    return text


def _require_ears(run: Run) -> None:
    if not takes_messages(run):
        raise InvalidInput([Fault("", "This run is no conversation: it takes no messages.")])


def _locked(run: Run) -> Conversation:
    """It begins with the run's first message, whoever is the first to write."""
    _, begins = Conversation.objects.get_or_create(
        namespace=run.namespace, workflow_id=run.workflow_id, defaults={"workspace_id": run.workspace_id}
    )
    own = Conversation.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id)
    conversation = own.select_for_update(no_key=True).get()
    if begins and (text := first_message(run)):
        _append(conversation, key=FIRST, role=TurnRole.PERSON, text=text, by_id=run.started_by_id, run=run)
    return conversation


def _append(conversation: Conversation, **fields: Any) -> Turn:
    conversation.last_number += 1
    conversation.save(update_fields=["last_number"])
    return Turn.objects.create(conversation=conversation, number=conversation.last_number, **fields)


def _update(turn: Turn, fields: dict[str, Any]) -> None:
    for name, value in fields.items():
        setattr(turn, name, value)
    turn.save(update_fields=list(fields))


def _fields(run: Run, one: Heard) -> dict[str, Any]:
    return {
        "answers": one.answers,
        "role": one.role,
        "text": clean(one.text),
        "by_id": run.started_by_id if one.key == FIRST else None,
        "name": clean(one.name)[:150],
        "tool": clean(one.tool)[:100],
        "arguments": clean(one.arguments),
        "state": one.state,
        "escalation_id": _own_question(run, one.escalation_id),
        "model": clean(one.model)[:200],
        "demo": one.demo,
    }


def _own_question(run: Run, escalation_id: str | None) -> uuid.UUID | None:
    """A workflow shows its own questions only."""
    if escalation_id is None:
        return None
    own = Escalation.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id)
    return own.filter(id=escalation_id).values_list("id", flat=True).first()


def _moved(conversation: Conversation, run: Run) -> None:
    changes.record(("conversation", conversation.id), ("run", run.id), workspace_id=conversation.workspace_id)
