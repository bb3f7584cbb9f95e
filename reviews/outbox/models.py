"""Messages for Temporal, written in the same transaction as the state that causes them.

The courier (``workflows/bridge``) sends them in order of ``id`` for each workflow id, whatever crashes. Updates
keep the order among themselves and behind what came before, but hold up nothing.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now


class MessageKind(models.TextChoices):
    START = "start"
    SIGNAL = "signal"
    CANCEL = "cancel"
    TERMINATE = "terminate"
    UPDATE = "update"
    RESET = "reset"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    PAUSE_ACTIVITY = "pause_activity", "pause activity"
    UNPAUSE_ACTIVITY = "unpause_activity", "unpause activity"
    RETRY_ACTIVITY = "retry_activity", "retry activity now"


class MessageState(models.TextChoices):
    PENDING = "pending"
    SENT = "sent"
    SUPERSEDED = "superseded", "no longer needed"
    UNDONE = "undone"
    REFUSED = "refused", "refused by Temporal"


class MessageQuerySet(QuerySet["Message"]):
    def pending(self) -> MessageQuerySet:
        return self.filter(state=MessageState.PENDING)

    def updates(self) -> MessageQuerySet:
        return self.filter(kind=MessageKind.UPDATE)

    def but_updates(self) -> MessageQuerySet:
        return self.exclude(kind=MessageKind.UPDATE)

    def heads(self) -> MessageQuerySet:
        """The oldest pending message of each workflow: the only ones that may be sent now."""
        return self.pending().order_by("namespace", "workflow_id", "id").distinct("namespace", "workflow_id")

    def due(self) -> MessageQuerySet:
        """All but updates: a worker has to take those, and a decision must not wait for one that is away."""
        heads = Message.objects.but_updates().heads().values("id")
        return self.pending().filter(id__in=heads, not_before__lte=Now()).order_by("id")

    def due_updates(self) -> MessageQuerySet:
        """Behind everything that was queued before them, a run's start above all; nothing goes behind them."""
        heads = Message.objects.updates().heads().values("id")
        before = Message.objects.but_updates().pending().filter(
            namespace=OuterRef("namespace"), workflow_id=OuterRef("workflow_id"), id__lt=OuterRef("id")
        )  # fmt: skip
        due = self.pending().filter(id__in=heads, not_before__lte=Now())
        return due.filter(~Exists(before)).order_by("id")


class Message(models.Model):
    """``request_id`` makes repeats harmless at Temporal; ``run_id`` is fixed before the first try and kept on retries."""

    id = models.BigAutoField(primary_key=True)
    request_id = models.UUIDField(default=uuid.uuid4)
    namespace = models.CharField(max_length=255)
    workflow_id = models.CharField(max_length=1000)
    run_id = models.CharField(max_length=64, null=True)
    kind = models.CharField(max_length=16, choices=MessageKind)
    body = models.JSONField(default=dict)
    subject = models.UUIDField(
        null=True, help_text="The run (start, cancel…) or decision (signal) that it carries out."
    )
    state = models.CharField(max_length=16, choices=MessageState, default=MessageState.PENDING)
    created_at = models.DateTimeField(db_default=Now())
    not_before = models.DateTimeField(db_default=Now())
    tried_at = models.DateTimeField(
        null=True, help_text="When it was first handed to Temporal: no undo after this."
    )
    attempts = models.PositiveIntegerField(default=0)
    last_error = models.TextField(default="")
    ended_at = models.DateTimeField(null=True)

    objects: ClassVar[MessageQuerySet] = MessageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index(
                fields=["namespace", "workflow_id", "id"],
                condition=Q(state="pending"),
                name="message_pending",
            ),
            models.Index(fields=["subject"], name="message_subject"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="pending") | Q(ended_at__isnull=False), name="message_ended_has_time"
            )
        ]


class Bridge(models.Model):
    """One row: which bridge is active. Its epoch rises at each take-over; an older epoch can no longer write."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.PositiveBigIntegerField(default=0)
    backend_pid = models.IntegerField(null=True)
    holder = models.CharField(max_length=200, default="")
    beat_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="bridge_single_row")]
