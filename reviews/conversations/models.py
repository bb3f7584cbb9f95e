"""What was said between people, an agent and its tools. It belongs to a workflow, whichever of its executions spoke."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Now


class Conversation(models.Model):
    """Its row is locked while turns are written, so that their numbers have no gap and no repeat."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="+")
    namespace = models.CharField(max_length=255)
    workflow_id = models.CharField(max_length=1000)
    last_number = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["namespace", "workflow_id"], name="conversation_once"),
        ]


class TurnRole(models.TextChoices):
    PERSON = "person"
    AGENT = "agent"
    TOOL = "tool"
    NOTE = "note"


class ToolState(models.TextChoices):
    RUNNING = "running"
    WAITING = "waiting", "waits for a person"
    DONE = "done"
    REFUSED = "refused", "not carried out"
    FAILED = "failed"


class TurnQuerySet(QuerySet["Turn"]):
    def with_people(self) -> TurnQuerySet:
        return self.select_related("by", "escalation")


class Turn(models.Model):
    """One thing that was said, or a tool that was called. ``key`` is the workflow's own: the same is the same turn.

    ``answers`` is the key of the message that the turn closes.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    conversation = models.ForeignKey(Conversation, models.CASCADE, related_name="turns")
    number = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    answers = models.CharField(max_length=200, blank=True)
    role = models.CharField(max_length=10, choices=TurnRole)
    text = models.TextField(blank=True)
    by = models.ForeignKey("reviews.Account", models.PROTECT, null=True, related_name="+")
    name = models.CharField(
        max_length=150, blank=True, help_text="What somebody who came past Agentsite calls themselves."
    )
    tool = models.CharField(max_length=100, blank=True)
    arguments = models.JSONField(null=True)
    state = models.CharField(max_length=10, choices=ToolState, blank=True, help_text="Of a tool's call.")
    escalation = models.ForeignKey(
        "reviews.Escalation", models.SET_NULL, null=True, related_name="+", db_index=False
    )
    model = models.CharField(max_length=200, blank=True)
    demo = models.BooleanField(default=False)
    run = models.ForeignKey(
        "reviews.Run",
        models.SET_NULL,
        null=True,
        related_name="+",
        help_text="The execution that it was said in.",
    )
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[TurnQuerySet] = TurnQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "number"], name="turn_number_once"),
            models.UniqueConstraint(fields=["conversation", "key"], name="turn_key_once"),
        ]
