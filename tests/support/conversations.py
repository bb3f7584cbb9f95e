"""A conversation as its workflow would have it, without the workflow."""

from __future__ import annotations

import itertools
from typing import Any

from django.db.models.functions import Now

from reviews.conversations import actions
from reviews.conversations.actions import Heard
from reviews.conversations.models import Turn
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs import actions as runs
from reviews.runs import mirroring
from reviews.runs.models import Attempt, Run
from reviews.workspaces.models import Workspace

_numbers = itertools.count(1)


def start_chat(workspace: Workspace, by: Account, **input: Any) -> Run:
    """A run of ``chat`` that Temporal has named."""
    runs.register_agent_type(
        workspace.namespace,
        "chat",
        title="Conversation",
        description="Answers messages.",
        queue="research-agent",
        workflow_type="chat",
        input_schema={"type": "object"},
        example={},
    )
    run = runs.start_run(workspace, "chat", input, by=by)
    return mirroring.adopt(run.namespace, run.workflow_id, f"execution-of-{run.workflow_id}")


def deliver(run: Run) -> None:
    """As the courier does when Temporal takes what was said."""
    _ended(run, state="sent", last_error="")


def refuse(run: Run, error: str) -> None:
    """As the courier does when there is nobody left who would take it."""
    _ended(run, state="refused", last_error=error)


def _ended(run: Run, **fields: str) -> None:
    pending = Message.objects.filter(workflow_id=run.workflow_id, state="pending")
    pending.update(ended_at=Now(), **fields)


def answer(turn: Turn, text: str, **fields: Any) -> Turn:
    """By the agent, in the execution that the turn was said in."""
    assert turn.run is not None
    return keep(
        turn.run,
        Heard(f"{turn.key}#0", "agent", text, answers=turn.key, model="demo-model", demo=True, **fields),
    )


def call_tool(turn: Turn, tool: str, **fields: Any) -> Turn:
    assert turn.run is not None
    return keep(turn.run, Heard(f"{turn.key}#0.{next(_numbers)}", "tool", tool=tool, **fields))


def keep(run: Run, heard: Heard) -> Turn:
    actions.keep(run, [heard])
    return Turn.objects.get(conversation__workflow_id=run.workflow_id, key=heard.key)


def write(run: Run, text: str) -> Attempt:
    """An answer that is being written."""
    attempt, _ = Attempt.objects.update_or_create(
        run=run,
        activity_id="9",
        number=1,
        defaults={
            "activity_type": "answer_message",
            "started_at": Turn.objects.latest("created_at").created_at,
            "progress": {"characters": len(text), "text": text},
        },
    )
    return attempt
