"""Rehearsed crashes: what was killed, what was promised, and what became of it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

SILENCE = timedelta(seconds=30)
"""A drill whose process did not beat for so long is over: even its start takes less."""


class DrillKind(models.TextChoices):
    """What is struck."""

    WORKER = "worker"
    BRIDGE = "bridge"
    WEB = "web"
    TEMPORAL = "temporal"


class DrillState(models.TextChoices):
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Drill(models.Model):
    """Carried out by a process of its own, which survives what it kills."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=10, choices=DrillKind)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="drills")
    run = models.ForeignKey("reviews.Run", models.SET_NULL, null=True, related_name="+")
    by = models.ForeignKey("reviews.Account", models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=DrillState, default=DrillState.RUNNING)
    done = models.PositiveIntegerField(default=0, help_text="Tasks of the run that are answered.")
    figures = models.JSONField(default=dict, help_text="What was counted, by name.")
    verdict = models.TextField(default="", help_text="In words for people.")
    started_at = models.DateTimeField(db_default=Now())
    struck_at = models.DateTimeField(null=True)
    beat_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=Q(state="running"), name="drill_one_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(state="running", ended_at=None)
                | (~Q(state="running") & Q(ended_at__isnull=False)),
                name="drill_ended_has_time",
            ),
        ]
        indexes = [models.Index(fields=["workspace", "-started_at", "-id"], name="drill_newest")]

    @property
    def is_running(self) -> bool:
        return self.standing == DrillState.RUNNING

    @property
    def took(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None

    @property
    def standing(self) -> DrillState:
        """Its state; of one that beats no more, before anybody has written it down."""
        if self.state == DrillState.RUNNING and self.beat_at < timezone.now() - SILENCE:
            return DrillState.INTERRUPTED
        return DrillState(self.state)


class DrillLine(models.Model):
    """What a drill said as it happened. ``tone`` is a mark's: bad for a blow, good for a recovery."""

    id = models.BigAutoField(primary_key=True)
    drill = models.ForeignKey(Drill, models.CASCADE, related_name="lines")
    at = models.DateTimeField(default=timezone.now)
    tone = models.CharField(max_length=10, default="quiet")
    text = models.TextField()

    class Meta:
        ordering = ["id"]
