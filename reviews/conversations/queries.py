"""Reading conversations. The way to one is its run (``reviews.runs.queries.run_for``)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

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
    runs = Run.objects.filter(
        namespace=run.namespace, workflow_id=run.workflow_id, workspace=run.workspace_id
    )
    newest = list(runs.select_related("workspace", "started_by").order_by("-created_at", "-id")[:10])
    return next((one for one in newest if one.status in OPEN_STATUSES), newest[0] if newest else run)


def turns_of(conversation: Conversation | None) -> TurnQuerySet:
    if conversation is None:
        return Turn.objects.none()
    return Turn.objects.filter(conversation=conversation).with_people()


def answered_in(conversation: Conversation | None, keys: Collection[str]) -> set[str]:
    """Those messages that have their answer."""
    found = turns_of(conversation).filter(answers__in=keys).order_by()
    return set(found.values_list("answers", flat=True))


def messages_of(turns: Iterable[Turn]) -> dict[str, Message]:
    """What carries people's turns to the workflow, by the turn's key; none for what came past Agentsite."""
    ids = [turn.id for turn in turns if turn.role == TurnRole.PERSON and turn.key == str(turn.id)]
    return {str(message.request_id): message for message in Message.objects.filter(request_id__in=ids)}


def writing_now(run: Run, conversation: Conversation | None) -> Attempt | None:
    """The attempt that writes an answer, until the answer is kept."""
    attempts = Attempt.objects.filter(run=run, activity_type=ANSWERING).order_by("-started_at")
    attempt = attempts.exclude(outcome__in=[Attempt.Outcome.FAILED, Attempt.Outcome.CANCELED]).first()
    if attempt is None:
        return None
    kept = turns_of(conversation).exclude(role=TurnRole.PERSON).filter(created_at__gt=attempt.started_at)
    return None if kept.exists() else attempt
