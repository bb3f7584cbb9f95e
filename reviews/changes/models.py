"""The change log: one line for each thing that pages show and that is now different.

A line holds a topic and an id, never content. Readers order by (transaction id, sequence) and read
only below the oldest transaction still running, because sequence order is not commit order.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models import Func
from django.db.models.functions import Now

CHANNEL = "agentsite_changes"


class TransactionIdField(models.BigIntegerField):  # type: ignore[type-arg]
    """PostgreSQL's ``xid8``: 64 bits, never reused."""

    def db_type(self, connection: Any) -> str:
        return "xid8"

    def from_db_value(self, value: Any, *_: Any) -> int | None:
        return None if value is None else int(value)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return None if value is None else str(value)


class CurrentTransactionId(Func):
    function = "pg_current_xact_id"
    arity = 0
    output_field = TransactionIdField()


class Change(models.Model):
    """``topic`` names a kind of page (``escalation``, ``run``, ``inbox``); ``object_id`` the thing shown there."""

    id = models.BigAutoField(primary_key=True)
    transaction_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.CASCADE, null=True, related_name="+")
    topic = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["transaction_id", "id"], name="change_cursor")]


class ChangeLogStart(models.Model):
    """One row: up to which line the log was cut. Who saw less than that has to look at everything anew."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    transaction_id = models.BigIntegerField(default=0)
    change_id = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="change_log_start_is_one")]
