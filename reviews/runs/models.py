"""The mirror: agent types, runs, their steps, attempts, model calls and history as it came."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now


class AgentType(models.Model):
    """What can be started; workers write these rows when they start."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    namespace = models.CharField(max_length=255)
    name = models.CharField(max_length=100)
    title = models.CharField(max_length=150)
    description = models.TextField(blank=True)
    queue = models.CharField(max_length=255)
    workflow_type = models.CharField(max_length=255)
    input_schema = models.JSONField()
    example = models.JSONField()
    registered_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["namespace", "name"], name="agent_type_once")]

    def __str__(self) -> str:
        return self.title


class RunStatus(models.TextChoices):
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TERMINATED = "terminated"
    TIMED_OUT = "timed_out", "timed out"
    CONTINUED_AS_NEW = "continued_as_new", "continued as new"


OPEN_STATUSES = (RunStatus.STARTING, RunStatus.RUNNING, RunStatus.PAUSED)


class RunQuerySet(QuerySet["Run"]):
    def open(self) -> RunQuerySet:
        return self.filter(status__in=OPEN_STATUSES)

    def to_follow(self) -> RunQuerySet:
        """Those of which Temporal may have more than is mirrored."""
        return self.filter(history_whole=False, imported_at=None).exclude(run_id=None)

    def execution(self, namespace: str, workflow_id: str, run_id: str) -> RunQuerySet:
        return self.filter(namespace=namespace, workflow_id=workflow_id, run_id=run_id)


class Run(models.Model):
    """One Temporal workflow execution; ``run_id`` is null until Temporal has named it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="runs")
    namespace = models.CharField(max_length=255)
    workflow_id = models.CharField(max_length=1000)
    run_id = models.CharField(max_length=64, null=True)
    first_run_id = models.CharField(max_length=64, null=True, help_text="Temporal's name for the chain.")
    chain = models.UUIDField(db_index=True, help_text="Id of the chain's first run.")
    previous = models.ForeignKey("self", models.SET_NULL, null=True, related_name="successors")
    parent = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        related_name="children",
        db_index=False,  # `run_children` serves
        help_text="The run that started it.",
    )

    agent = models.CharField(max_length=100, help_text="Name of the agent type, or the workflow's type.")
    workflow_type = models.CharField(max_length=255, blank=True)
    queue = models.CharField(max_length=255, blank=True)
    title = models.CharField(max_length=300, blank=True)
    input = models.JSONField(null=True)
    result = models.JSONField(null=True)
    failure = models.JSONField(null=True)
    started_by = models.ForeignKey("reviews.Account", models.PROTECT, null=True, related_name="+")
    search_attributes = models.JSONField(default=dict, help_text="As upserted last.")
    memo = models.JSONField(default=dict)

    status = models.CharField(max_length=20, choices=RunStatus, default=RunStatus.STARTING)
    waiting_for_human = models.BooleanField(default=False)
    cancel_requested_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    last_event_id = models.PositiveIntegerField(default=0, help_text="Last history event that is mirrored.")
    reset_event_id = models.PositiveIntegerField(
        null=True, help_text="In a run made by a reset: the event where it left its base run."
    )
    history_bytes = models.PositiveBigIntegerField(default=0)
    history_whole = models.BooleanField(
        default=False, help_text="The closing event is mirrored, or Temporal has no more to give."
    )
    history_token = models.BinaryField(
        null=True, help_text="Temporal's page token that goes on behind last_event_id."
    )
    imported_at = models.DateTimeField(null=True, help_text="From a history file; no server knows it.")
    gone_at = models.DateTimeField(null=True, help_text="When Temporal was found to hold it no more.")
    forgotten_at = models.DateTimeField(
        null=True, help_text="When the workspace's retention took its history; the questions stay."
    )
    moved_at = models.DateTimeField(
        db_default=Now(), help_text="Last sign of life, from whoever saw it first."
    )
    mirror_note = models.TextField(default="", help_text="Why the mirror may lag, in words for people.")

    objects: ClassVar[RunQuerySet] = RunQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "workflow_id", "run_id"], name="run_execution_once"),
            models.UniqueConstraint(
                fields=["namespace", "workflow_id"], condition=Q(run_id=None), name="run_unnamed_once"
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="run_newest"),
            models.Index(
                fields=["workspace", "-created_at", "-id"],
                condition=Q(waiting_for_human=True),
                name="run_waiting",
            ),
            models.Index(
                fields=["-moved_at"],
                condition=Q(status__in=["starting", "running", "paused"]),
                name="run_open_moved",
            ),
            models.Index(
                fields=["-moved_at"],
                condition=Q(history_whole=False, imported_at=None) & ~Q(run_id=None),
                name="run_to_follow",
            ),
            models.Index(fields=["workspace", "status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["workspace", "agent", "-created_at", "-id"], name="run_by_agent"),
            models.Index(fields=["workspace", "workflow_type", "-created_at", "-id"], name="run_by_type"),
            models.Index(
                fields=["workspace", "-created_at", "-id"], condition=Q(parent=None), name="run_roots"
            ),
            models.Index(fields=["workspace", "closed_at"], name="run_closed"),
            models.Index(fields=["run_id"], name="run_named"),
            models.Index(
                fields=["parent", "-created_at", "-id"], condition=~Q(parent=None), name="run_children"
            ),
            GinIndex(fields=["search_attributes"], opclasses=["jsonb_path_ops"], name="run_attributes"),
            GinIndex(SearchVector("title", "workflow_id", config="simple"), name="run_text"),
        ]

    def __str__(self) -> str:
        return self.title or self.workflow_id

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def is_live(self) -> bool:
        """Whether Temporal may have more to say of it, and takes what steers it. An imported one only looks open."""
        return self.is_open and self.imported_at is None

    @property
    def duration(self) -> timedelta | None:
        if self.started_at is None or self.closed_at is None:
            return None
        return self.closed_at - self.started_at


class StepKind(models.TextChoices):
    ACTIVITY = "activity"
    TIMER = "timer"
    CHILD = "child"
    SIGNAL = "signal"
    UPDATE = "update"


class StepStatus(models.TextChoices):
    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    TIMED_OUT = "timed_out", "timed out"


class Step(models.Model):
    """One thing that the run did, projected from its history. ``event_id`` is where it began."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="steps")
    event_id = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=StepKind)
    name = models.CharField(max_length=255)
    activity_id = models.CharField(max_length=255, blank=True)
    summary = models.CharField(max_length=400, blank=True)
    status = models.CharField(max_length=10, choices=StepStatus)
    attempts = models.PositiveIntegerField(default=0)
    input = models.JSONField(null=True)
    result = models.JSONField(null=True)
    failure = models.JSONField(null=True)
    scheduled_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["event_id"]
        constraints = [models.UniqueConstraint(fields=["run", "event_id"], name="step_once")]

    @property
    def ended(self) -> bool:
        return self.status not in (StepStatus.SCHEDULED, StepStatus.RUNNING)

    @property
    def began_at(self) -> datetime:
        return self.started_at or self.scheduled_at


class Attempt(models.Model):
    """One try of an activity, as the worker that made it saw it. Temporal's history keeps only the last."""

    class Outcome(models.TextChoices):
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"
        CANCELED = "canceled"

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="attempts")
    activity_id = models.CharField(max_length=255)
    activity_type = models.CharField(max_length=255)
    number = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10, choices=Outcome, default=Outcome.RUNNING)
    worker = models.CharField(max_length=255, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    failure = models.JSONField(null=True, help_text="{type, message, retryable, next_retry_seconds}")
    progress = models.JSONField(null=True, help_text="Details of the last heartbeat.")

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["run", "activity_id", "number"], name="attempt_once")]


class ModelCall(models.Model):
    """One request to a model: which, what came back, how long it took, what it cost in tokens."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    run = models.ForeignKey(Run, models.CASCADE, related_name="model_calls")
    activity_id = models.CharField(max_length=255)
    attempt = models.PositiveIntegerField()
    purpose = models.CharField(max_length=200, blank=True)
    model = models.CharField(max_length=200)
    endpoint = models.CharField(max_length=255, blank=True, help_text="Host of the model's base URL.")
    demo = models.BooleanField(default=False)
    messages = models.JSONField()
    answer = models.TextField(blank=True)
    error = models.JSONField(null=True, help_text="{type, message}")
    finish_reason = models.CharField(max_length=40, blank=True)
    tokens_in = models.PositiveIntegerField(null=True)
    tokens_out = models.PositiveIntegerField(null=True)
    tokens_cached = models.PositiveIntegerField(null=True)
    cost = models.DecimalField(
        max_digits=20, decimal_places=10, null=True, help_text="US dollars; null when no price is known."
    )
    whole_bytes = models.PositiveIntegerField(
        null=True, help_text="Of messages and answer, where this row keeps no more than their beginnings."
    )
    whole_at = models.CharField(
        max_length=200, blank=True, help_text="Where storage has them; empty where it could not take them."
    )
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()

    class Meta:
        ordering = ["started_at", "id"]
        indexes = [models.Index(fields=["run", "started_at"], name="model_call_run")]


class ModelRate(models.Model):
    """When a model may be asked next, by all workers together; ``model`` is the key that its limits stand under."""

    model = models.CharField(max_length=200, primary_key=True)
    requests_at = models.DateTimeField(db_default=Now(), help_text="By the requests that have their slots.")
    tokens_at = models.DateTimeField(db_default=Now(), help_text="By the tokens of these requests.")
    held_until = models.DateTimeField(
        db_default=Now(), help_text="The model itself asked to wait until then."
    )


class HistoryChunk(models.Model):
    """Events ``first_event`` to ``last_event`` as Temporal sent them: a protobuf ``History``, zstd."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="chunks")
    first_event = models.PositiveIntegerField()
    last_event = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        ordering = ["first_event"]
        constraints = [models.UniqueConstraint(fields=["run", "first_event"], name="history_chunk_once")]


class ActivityLatency(models.Model):
    """How long completed activities of a type took on their last attempt: a histogram of one day (UTC).

    ``bucket`` b counts durations up to 2^(b/8) ms, above those of b - 1: each bound is 9 % above the last.
    """

    id = models.BigAutoField(primary_key=True)
    namespace = models.CharField(max_length=255)
    activity_type = models.CharField(max_length=255)
    day = models.DateField()
    bucket = models.PositiveSmallIntegerField()
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "activity_type", "day", "bucket"], name="activity_latency_once"
            )
        ]


class ActivityTimeouts(models.Model):
    """The timeouts that workflows set for an activity type, as scheduled last; null where not set."""

    id = models.BigAutoField(primary_key=True)
    namespace = models.CharField(max_length=255)
    activity_type = models.CharField(max_length=255)
    start_to_close = models.DurationField(null=True)
    schedule_to_close = models.DurationField(null=True)
    heartbeat = models.DurationField(null=True)
    scheduled_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "activity_type"], name="activity_timeouts_once")
        ]


class MirroredNamespace(models.Model):
    """What the bridge knows of a namespace that a workspace is bound to."""

    namespace = models.CharField(max_length=255, primary_key=True)
    namespace_id = models.CharField(
        max_length=64, default="", help_text="Temporal's own: a namespace that was made anew has another."
    )
    listed_until = models.DateTimeField(
        null=True, help_text="Every execution that started before has its row, and every close was looked at."
    )
    waiting_attribute = models.BooleanField(
        default=False, help_text="Whether workflows may upsert AgentsiteWaiting."
    )
    trouble = models.TextField(default="", help_text="Why it is not mirrored now, in words for people.")
    looked_at = models.DateTimeField(null=True, help_text="When it was last listed whole.")


class SavedView(models.Model):
    """A name for the filters of the runs page; ``query`` is the part of its address behind the ``?``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("reviews.Account", models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=1000)
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["account", "name"], name="saved_view_once")]
