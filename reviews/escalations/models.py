"""Questions that workflows ask people, who looks at them, what was decided, and how the answer travels."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone


class EscalationState(models.TextChoices):
    PENDING = "pending"
    DECIDED = "decided"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    ANSWERED_OUTSIDE = "answered_outside", "answered outside"


class Verdict(models.TextChoices):
    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"
    RETRY = "retry"
    CHANGES = "changes"


class DeliveryState(models.TextChoices):
    """In the order of the journey; a delivery never goes back to an earlier one."""

    RECORDED = "recorded"
    UNDONE = "undone"
    DELIVERED = "delivered"
    UNDELIVERABLE = "undeliverable"
    UNREAD = "unread"
    REFUSED = "refused"
    ACTED_ON = "acted_on", "acted on"


DELIVERY_RANK = {state: rank for rank, state in enumerate(DeliveryState)}


class EscalationQuerySet(QuerySet["Escalation"]):
    def pending(self) -> EscalationQuerySet:
        return self.filter(state=EscalationState.PENDING)

    def of_chain(self, chain: uuid.UUID) -> EscalationQuerySet:
        return self.filter(run__chain=chain)


class Escalation(models.Model):
    """What the reviewer is shown stands in ``document``: canonical JSON bytes, whose sha256 is ``digest``."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="escalations")
    run = models.ForeignKey(
        "reviews.Run", models.PROTECT, related_name="escalations", help_text="The run that asked."
    )
    namespace = models.CharField(max_length=255)
    workflow_id = models.CharField(max_length=1000)
    request_id = models.CharField(max_length=255)
    activity_id = models.CharField(
        max_length=255, blank=True, help_text="Of the ask; tells what a reset kept."
    )
    title = models.CharField(max_length=500)
    risk = models.CharField(max_length=10)
    document = models.BinaryField()
    digest = models.CharField(max_length=64)
    deadline = models.DateTimeField(null=True)
    state = models.CharField(max_length=20, choices=EscalationState, default=EscalationState.PENDING)
    opened_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True)
    outcome = models.JSONField(null=True, help_text="How it ended without a decision: {reason, answer}.")

    objects: ClassVar[EscalationQuerySet] = EscalationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["namespace", "workflow_id", "request_id"], name="escalation_once"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", closed_at=None)
                | (~Q(state="pending") & Q(closed_at__isnull=False)),
                name="escalation_closed_has_time",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace", "-opened_at", "-id"], name="escalation_newest"),
            models.Index(
                fields=["workspace", "-opened_at", "-id"],
                condition=Q(state="pending"),
                name="escalation_pending",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_pending(self) -> bool:
        return self.state == EscalationState.PENDING

    @property
    def deadline_passed(self) -> bool:
        return self.deadline is not None and self.deadline <= timezone.now()

    @cached_property
    def question(self) -> dict[str, Any]:
        """The document as values: title, description, proposal, before, form, options, evidence, policy."""
        values: dict[str, Any] = json.loads(bytes(self.document))
        return values

    @property
    def options(self) -> list[dict[str, Any]]:
        options: list[dict[str, Any]] = self.question["options"]
        return options

    @cached_property
    def decision(self) -> Decision | None:
        """The decision that stands: at most one, since an undone one no longer counts."""
        return (
            Decision.objects.filter(escalation=self)
            .exclude(delivery__state=DeliveryState.UNDONE)
            .select_related("by", "delivery")
            .first()
        )


class Claim(models.Model):
    """Somebody says that they look at it. It warns others; it stops nobody."""

    escalation = models.OneToOneField(Escalation, models.CASCADE, related_name="claim")
    account = models.ForeignKey("reviews.Account", models.CASCADE, related_name="claims")
    at = models.DateTimeField(db_default=Now())


class Look(models.Model):
    """A page of a question is open and in sight. ``socket`` is the page's own; seen anew while it stays so."""

    socket = models.UUIDField(primary_key=True)
    escalation = models.ForeignKey(Escalation, models.CASCADE, related_name="looks")
    account = models.ForeignKey("reviews.Account", models.CASCADE, related_name="+")
    began_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())


class Decision(models.Model):
    """One person's answer. Its row is never edited; what becomes of it stands in its delivery."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    escalation = models.ForeignKey(Escalation, models.PROTECT, related_name="decisions")
    by = models.ForeignKey("reviews.Account", models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=10, choices=Verdict)
    response = models.JSONField(null=True)
    comment = models.TextField(blank=True)
    digest = models.CharField(max_length=64)
    after_deadline = models.BooleanField(default=False)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["by", "-decided_at", "-id"], name="decision_mine")]


class Delivery(models.Model):
    """A decision's journey to the workflow; the time of each station, and the reason where it ends badly."""

    decision = models.OneToOneField(Decision, models.PROTECT, related_name="delivery", primary_key=True)
    escalation = models.ForeignKey(Escalation, models.PROTECT, related_name="deliveries")
    state = models.CharField(max_length=15, choices=DeliveryState, default=DeliveryState.RECORDED)
    recorded_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    acted_on_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(
        null=True, help_text="When it was undone, refused, unread or undeliverable."
    )
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["escalation"], condition=~Q(state="undone"), name="delivery_one_winner"
            )
        ]

    @property
    def times(self) -> dict[str, datetime | None]:
        return {"recorded": self.recorded_at, "delivered": self.delivered_at, "acted_on": self.acted_on_at}
