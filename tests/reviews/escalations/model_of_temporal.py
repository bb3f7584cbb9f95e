"""What Temporal and a workflow do to the decision's path, in memory: the other side of the state machine test.

An execution drops a signal whose request id it has; a closed one answers NOT_FOUND for new ones; a reset makes an
execution that keeps some asks and gets the old signals again under no request id. The workflow follows
``workflows/human.py``: it matches by escalation, compares digests, deduplicates by decision, acts under the
decision's id, and acknowledges beside its work.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from reviews.escalations.models import Escalation
from reviews.runs.models import Run

Body = dict[str, Any]


@dataclass
class Question:
    """As the workflow holds it. ``done`` once it acted, or closed it."""

    escalation_id: uuid.UUID
    digest: str
    activity_id: str
    done: bool = False


@dataclass
class Execution:
    run: Run
    open: bool = True
    signals: list[Body] = field(default_factory=list)
    read: int = 0
    request_ids: set[uuid.UUID] = field(default_factory=set)
    questions: list[Question] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    successor: Execution | None = None

    def receive(self, request_id: uuid.UUID, body: Body) -> bool:
        """False is NOT_FOUND. A repeat is dropped, also after the close: it was delivered."""
        if request_id in self.request_ids:
            return True
        if not self.open:
            return False
        self.request_ids.add(request_id)
        self.signals.append(body)
        return True

    def question(self, escalation_id: str) -> Question | None:
        return next((q for q in self.questions if str(q.escalation_id) == escalation_id), None)

    def waiting(self) -> list[Question]:
        return [question for question in self.questions if not question.done]

    def continued(self, run: Run) -> Execution:
        """Continue-as-new: what is open and what was seen is carried along."""
        self.open = False
        carried = [Question(q.escalation_id, q.digest, q.activity_id) for q in self.waiting()]
        self.successor = Execution(run, questions=carried, seen=set(self.seen))
        return self.successor

    def reset(self, run: Run, kept_asks: int) -> Execution:
        """A new execution that replays the first ``kept_asks`` asks and every signal."""
        self.open = False
        kept = [Question(q.escalation_id, q.digest, q.activity_id) for q in self.questions[:kept_asks]]
        self.successor = Execution(run, questions=kept, signals=list(self.signals))
        return self.successor


@dataclass(frozen=True)
class Acknowledgment:
    """What a workflow says of a decision, until the activity that says it has run."""

    decision_id: uuid.UUID
    outcome: str
    run_id: str


@dataclass
class Ledger:
    """The world outside: a repeated key changes nothing, as at a payments endpoint."""

    effects: dict[str, str] = field(default_factory=dict)

    def act(self, key: str, digest: str) -> None:
        self.effects.setdefault(key, digest)


def question_of(escalation: Escalation) -> Question:
    return Question(escalation.id, escalation.digest, escalation.activity_id)
