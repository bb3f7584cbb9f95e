"""Reading files: the access function, lists, and content."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from itertools import chain

from django.core.files.storage import default_storage
from django.db.models import QuerySet

from reviews.artifacts.models import Version
from reviews.runs.models import Run
from reviews.workspaces.access import NotFound, Right, Viewer

PIECE = 256 * 1024
"""Bytes read at a time, so that a large file costs little memory."""


def version_for(viewer: Viewer, version_id: uuid.UUID, right: Right = Right.FILES_READ) -> Version:
    """The one way to a file's version. Raises :class:`NotFound` (also for foreign ones) and :class:`Forbidden`."""
    versions = Version.objects.select_related("artifact__workspace", "blob", "run", "written_by")
    version = versions.filter(id=version_id).first()
    if version is None:
        raise NotFound
    viewer.require(right, version.artifact.workspace_id)
    return version


def versions_for(viewer: Viewer) -> QuerySet[Version]:
    """All versions that the viewer may read. Raises :class:`Forbidden` where the right is missing everywhere."""
    viewer.require_anywhere(Right.FILES_READ)
    workspaces = viewer.workspaces(Right.FILES_READ)
    return Version.objects.filter(artifact__workspace_id__in=workspaces).select_related(
        "artifact", "blob", "run"
    )


def of_run(run: Run) -> QuerySet[Version]:
    """What the run's chain wrote, newest first."""
    return (
        Version.objects.filter(run__chain=run.chain)
        .select_related("artifact", "blob")
        .order_by("-created_at", "-id")
    )


def content(version: Version) -> Iterator[bytes]:
    """The bytes in pieces; the first is read before anything is promised. Raises ``OSError`` where they are away."""
    pieces = _pieces(version)
    return chain([next(pieces, b"")], pieces)


def _pieces(version: Version) -> Iterator[bytes]:
    with default_storage.open(version.blob.storage_name, "rb") as file:
        while piece := file.read(PIECE):
            yield piece


def text(version: Version, limit: int = 1_000_000) -> str | None:
    """The first ``limit`` bytes as text; None when it is not UTF-8 text. Raises as :func:`content`."""
    with default_storage.open(version.blob.storage_name, "rb") as file:
        data: bytes = file.read(limit)
    try:
        return data.decode("utf-8", errors="strict" if version.blob.size <= limit else "ignore")
    except UnicodeDecodeError:
        return None
