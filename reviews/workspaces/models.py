"""Tenants, and who may do what in them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Workspace(models.Model):
    """Owns runs, files and members; bound to one Temporal namespace, which several may share."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=150)
    namespace = models.CharField(max_length=255, db_index=True)
    keep_days = models.PositiveIntegerField(
        null=True, help_text="Histories of runs that closed longer ago are removed; null keeps them for ever."
    )
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    REVIEWER = "reviewer"
    VIEWER = "viewer"


class Membership(models.Model):
    """One role of one account in one workspace; a member may hold several."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="memberships")
    account = models.ForeignKey("reviews.Account", models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    granted_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace", "account", "role"], name="membership_once"),
            models.UniqueConstraint(
                fields=["workspace"], condition=Q(role="owner"), name="workspace_one_owner"
            ),
        ]
