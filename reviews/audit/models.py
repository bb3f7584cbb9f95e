"""Permanent lines: who did what, to what, when. Written in the transaction of the act; never edited."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AuditEvent(models.Model):
    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, null=True, related_name="audit_events")
    actor = models.ForeignKey("reviews.Account", models.PROTECT, null=True, related_name="+")
    actor_name = models.CharField(max_length=150, help_text="As it was then; names may change.")
    verb = models.CharField(max_length=60)
    object_type = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "-id"], name="audit_workspace"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_object"),
        ]
