"""What Temporal says of a run at this moment, as plain values: what is pending, who works, what it understands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from reviews.runs.unregistered import says_unregistered


@dataclass(frozen=True)
class PauseNow:
    """Who paused it, as Temporal knows them: Agentsite's courier names the person in the reason."""

    by: str
    reason: str
    since: datetime | None


@dataclass(frozen=True)
class ActivityNow:
    """An activity that is scheduled, running or between two tries.

    ``state`` is one of ``scheduled, running, canceling, paused, pausing``; ``maximum_attempts`` 0 means no limit;
    ``failure`` is the last try's, ``{type, message, retryable, cause?}``; ``progress`` its last heartbeat's details.
    """

    id: str
    type: str
    state: str
    attempt: int
    maximum_attempts: int
    queue: str
    scheduled_at: datetime | None
    started_at: datetime | None
    next_try_at: datetime | None
    failure: dict[str, Any] | None
    progress: Any
    heartbeat_at: datetime | None
    worker: str
    pause: PauseNow | None

    @property
    def is_retrying(self) -> bool:
        return self.failure is not None

    @property
    def is_unknown(self) -> bool:
        """Whether the worker that tried it last does not know its type."""
        return self.failure is not None and says_unregistered(str(self.failure.get("message", "")))

    @property
    def is_paused(self) -> bool:
        return self.pause is not None or self.state in ("paused", "pausing")


@dataclass(frozen=True)
class ChildNow:
    """A child workflow that the run waits for or leaves behind; ``on_close`` is its parent close policy."""

    workflow_id: str
    run_id: str
    type: str
    initiated_event: int
    on_close: str


@dataclass(frozen=True)
class OperationNow:
    """A Nexus operation that has not ended."""

    endpoint: str
    service: str
    operation: str
    state: str
    attempt: int
    scheduled_at: datetime | None
    next_try_at: datetime | None
    failure: dict[str, Any] | None
    blocked: str


@dataclass(frozen=True)
class TaskNow:
    """The workflow task that is open: a worker shall run, or runs, the workflow's own code."""

    attempt: int
    started: bool
    since: datetime | None

    @property
    def is_failing(self) -> bool:
        return self.attempt > 1


@dataclass(frozen=True)
class WorkerNow:
    """Who polls a queue, and for what; Temporal lists a worker for minutes after its last poll."""

    identity: str
    polled_at: datetime
    workflows: bool
    activities: bool


@dataclass(frozen=True)
class QueueNow:
    """A queue that the run or one of its pending activities needs, and the workers that polled it lately."""

    name: str
    runs_workflow: bool
    runs_activities: bool
    workers: Sequence[WorkerNow]

    @property
    def lacks(self) -> str:
        """What nobody polls it for, in words; empty where somebody does."""
        lacks_workflows = self.runs_workflow and not any(worker.workflows for worker in self.workers)
        lacks_activities = self.runs_activities and not any(worker.activities for worker in self.workers)
        return " and ".join(["workflows"] * lacks_workflows + ["activities"] * lacks_activities)


@dataclass(frozen=True)
class RunNow:
    """What Temporal describes of an open execution; of a closed one all is empty."""

    task: TaskNow | None
    activities: Sequence[ActivityNow]
    children: Sequence[ChildNow]
    operations: Sequence[OperationNow]
    queues: Sequence[QueueNow]
    pause: PauseNow | None

    @property
    def unserved(self) -> list[QueueNow]:
        return [queue for queue in self.queues if queue.lacks]

    @property
    def retrying(self) -> list[ActivityNow]:
        return [activity for activity in self.activities if activity.is_retrying]

    @property
    def unknown(self) -> list[ActivityNow]:
        """One activity of each type and queue that the workers there do not know."""
        found = {(one.type, one.queue): one for one in reversed(self.activities) if one.is_unknown}
        return list(reversed(found.values()))

    @property
    def rests(self) -> bool:
        """Whether nothing is pending and nothing holds it up: what it waits for will come from outside, or in time."""
        pending = self.activities or self.children or self.operations
        return not (pending or self.unserved or self.pause or (self.task and self.task.is_failing))

    @property
    def may_answer(self) -> bool:
        """Whether asking the workflow itself is worth a try: a worker is there, and its code runs."""
        lacks = any("workflows" in queue.lacks for queue in self.queues)
        return not lacks and not (self.task and self.task.is_failing)


@dataclass(frozen=True)
class Handler:
    """A signal, query or update that a workflow takes."""

    name: str
    description: str


@dataclass(frozen=True)
class Interface:
    """What a workflow says of itself (``__temporal_workflow_metadata``); ``details`` is Markdown."""

    type: str
    description: str = ""
    details: str = ""
    signals: Sequence[Handler] = field(default_factory=list)
    queries: Sequence[Handler] = field(default_factory=list)
    updates: Sequence[Handler] = field(default_factory=list)


@dataclass(frozen=True)
class ResetPoint:
    """The end of a workflow task, to which a run can be reset: what stands before it is kept.

    ``outcome`` is ``completed, failed`` or ``timed out``; ``followed`` names what the workflow did then, and
    ``more`` counts what is not named.
    """

    event_id: int
    at: datetime
    outcome: str
    followed: Sequence[str]
    more: int = 0
