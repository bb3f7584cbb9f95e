"""Sorting messages and answering them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from temporalio.common import RetryPolicy

from workflows.contracts import HEARTBEAT, MODEL_CALL, MODEL_RETRY, Activity
from workflows.stubs.children import Child

CATEGORIES = ("billing", "technical")


@dataclass
class Message:
    """What somebody wrote. It is untrusted."""

    message: str


MESSAGE_FORM = {
    "type": "object",
    "properties": {"message": {"type": "string", "title": "Message", "minLength": 1, "maxLength": 20_000}},
    "required": ["message"],
    "additionalProperties": False,
}
"""What people fill in to start the router, or one of its agents by itself."""


@dataclass
class Classification:
    """What the model takes a message for. ``confidence`` is 0 to 1; ``category`` may be any word."""

    category: str
    confidence: float
    why: str


@dataclass
class Reply:
    """An agent's answer to a message."""

    agent: str
    text: str


classify_message: Activity[Message, Classification] = Activity(
    "classify_message", Classification, timedelta(minutes=1), MODEL_RETRY, heartbeat=HEARTBEAT
)
answer_billing: Activity[Message, Reply] = Activity(
    "answer_billing", Reply, timedelta(minutes=2), MODEL_RETRY, heartbeat=HEARTBEAT
)
answer_technical: Activity[Message, Reply] = Activity(
    "answer_technical", Reply, MODEL_CALL, MODEL_RETRY, heartbeat=HEARTBEAT
)

AGENTS: dict[str, Child[Message, Reply]] = {
    "billing": Child(
        "billing",
        Reply,
        execution=timedelta(minutes=30),
        run=timedelta(minutes=15),
        retry=RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=2),
    ),
    # Its answers are longer, and more often late than wrong.
    "technical": Child(
        "technical",
        Reply,
        execution=timedelta(minutes=60),
        run=timedelta(minutes=20),
        retry=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=30),
            maximum_attempts=3,
        ),
    ),
}
"""By category. A try is a whole run of the child: its step has the retries of model calls besides."""
