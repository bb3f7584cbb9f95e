"""Files of a workspace. A write makes a new version over a blob; a version never changes."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models.functions import Now


class Blob(models.Model):
    """Bytes in storage, stored once for each sha256 of a workspace."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    storage_name = models.CharField(max_length=500)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "sha256"], name="blob_once")]


class Artifact(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workspace = models.ForeignKey("reviews.Workspace", models.PROTECT, related_name="artifacts")
    path = models.CharField(max_length=900)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "path"], name="artifact_path_once")]

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class Version(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    artifact = models.ForeignKey(Artifact, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    media_type = models.CharField(max_length=100)
    run = models.ForeignKey("reviews.Run", models.SET_NULL, null=True, related_name="versions")
    written_by = models.ForeignKey("reviews.Account", models.PROTECT, null=True, related_name="+")
    write_key = models.CharField(
        max_length=200,
        null=True,
        unique=True,
        help_text="Repeats of one write, as an activity's, give one version.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["artifact", "number"], name="version_number_once")]
        indexes = [models.Index(fields=["-created_at", "-id"], name="version_newest")]

    def __str__(self) -> str:
        return f"{self.artifact.path} version {self.number}"
