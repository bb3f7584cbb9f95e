"""Reading conversations. The way to one is its run (``reviews.runs.queries.run_for``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reviews.conversations.models import Conversation, Turn, TurnQuerySet, TurnRole
from reviews.outbox.models import Message
from reviews.runs.models import OPEN_STATUSES, Attempt, Run

CHAT = "chat"
"""The workflow type that takes messages before it has said anything itself."""
ANSWERING = "answer_message"
"""The activity that tells what it writes while it writes it."""


def conversation_of(run: Run) -> Conversation | None:
    """The one of the run's workflow; all its executions share it."""
    return Conversation.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id).first()


def takes_messages(run: Run) -> bool:
    return run.workflow_type == CHAT or conversation_of(run) is not None


def first_message(run: Run) -> str:
    """What the run was started with; empty where it was nothing, or where it goes on from another."""
    said = run.input if isinstance(run.input, dict) and "carried" not in run.input else {}
    text = said.get("message")
    return text.strip() if isinstance(text, str) and takes_messages(run) else ""


def newest_run(run: Run) -> Run:
    """The execution of the run's workflow that hears what is said now: the open one, else the last."""
    if run.imported_at is not None:
        return run
    runs = Run.objects.filter(
        namespace=run.namespace, workflow_id=run.workflow_id, workspace=run.workspace_id, imported_at=None
    )
    newest = list(runs.select_related("workspace", "started_by").order_by("-created_at", "-id")[:10])
    return next((one for one in newest if one.status in OPEN_STATUSES), newest[0] if newest else run)


def turns_of(conversation: Conversation | None) -> TurnQuerySet:
    if conversation is None:
        return Turn.objects.none()
    return Turn.objects.filter(conversation=conversation).with_people()


def answered_in(conversation: Conversation | None, turns: Sequence[Turn]) -> set[str]:
    """The keys of those messages that have their answer; ``turns`` are in their order."""
    if not turns:
        return set()
    later = turns_of(conversation).filter(number__gt=turns[0].number).order_by()
    found = later.filter(answers__in=[turn.key for turn in turns])
    return set(found.values_list("answers", flat=True))


def messages_of(turns: Iterable[Turn]) -> dict[str, Message]:
    """What carries people's turns to the workflow, by the turn's key; none for what came past Agentsite."""
    sent = {turn.id: turn.run_id for turn in turns if turn.key == str(turn.id)}
    messages = Message.objects.filter(subject__in=set(sent.values()), request_id__in=sent)
    return {str(message.request_id): message for message in messages}


def writing_now(run: Run, conversation: Conversation | None) -> Attempt | None:
    """The attempt that writes an answer, until the answer is kept."""
    attempts = Attempt.objects.filter(run=run, activity_type=ANSWERING).order_by("-started_at")
    attempt = attempts.exclude(outcome__in=[Attempt.Outcome.FAILED, Attempt.Outcome.CANCELED]).first()
    if attempt is None:
        return None
    newest = turns_of(conversation).exclude(role=TurnRole.PERSON).order_by("-number").first()
    return None if newest is not None and newest.created_at > attempt.started_at else attempt
