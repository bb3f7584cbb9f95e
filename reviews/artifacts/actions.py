"""Writing files: the bytes go to storage first, then one transaction makes them visible."""

from __future__ import annotations

import hashlib
import re
import uuid
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection, transaction

from reviews.artifacts.models import Artifact, Blob, Version
from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.runs.text import clean
from reviews.statements import write
from reviews.workspaces.models import Workspace

if TYPE_CHECKING:
    from reviews.people.models import Account
    from reviews.runs.models import Run

_LOOK_UP = """
    SELECT version.id, blob.id, blob.storage_name
    FROM (VALUES (%s, %s::uuid, %s)) AS asked (write_key, workspace_id, sha256)
    LEFT JOIN reviews_version version USING (write_key)
    LEFT JOIN reviews_blob blob USING (workspace_id, sha256)
"""
# Updates that change nothing lock what is there, and say its id.
_KEEP = """
    INSERT INTO reviews_blob (id, workspace_id, sha256, size, storage_name) VALUES (%s, %s, %s, %s, %s)
    ON CONFLICT (workspace_id, sha256) DO UPDATE SET size = excluded.size RETURNING id, storage_name
"""
_PLACE = """
    INSERT INTO reviews_artifact (id, workspace_id, path) VALUES (%s, %s, %s)
    ON CONFLICT (workspace_id, path) DO UPDATE SET path = excluded.path RETURNING id
"""
_NEXT = """
    SELECT coalesce(max(number), 0) + 1, (SELECT id FROM reviews_version WHERE write_key = %s)
    FROM reviews_version WHERE artifact_id = %s
"""
_LONGEST_KEY = 200
_MEDIA_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?charset=[\w-]+)?")


class InvalidPath(ValueError):
    """Not a plain relative path of names joined by ``/``."""


def write_version(
    workspace: Workspace,
    path: str,
    content: bytes,
    *,
    media_type: str,
    by: Account | None = None,
    run: Run | None = None,
    write_key: str | None = None,
) -> Version:
    """Store ``content`` as the next version of ``path``. The same ``write_key`` again gives the same version.

    Raises :class:`InvalidPath`.
    """
    path, write_key = _checked(path), _fitting(write_key)
    sha256 = hashlib.sha256(content).hexdigest()
    blob = Blob(workspace=workspace, sha256=sha256, size=len(content))
    written, known = _look_up(blob, write_key)
    if written:
        return Version.objects.get(id=written)
    if known:
        blob.id, blob.storage_name = known
    else:
        name = f"blobs/{workspace.id}/{sha256[:2]}/{sha256}"
        blob.storage_name = default_storage.save(name, ContentFile(content))
        _keep(blob)
    with transaction.atomic():
        artifact = Artifact(workspace=workspace, path=path)
        _place(artifact)
        number, written = _next(artifact, write_key)
        if written:
            return Version.objects.get(id=written)
        version = Version.objects.create(
            artifact=artifact,
            number=number,
            blob=blob,
            media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream",
            run=run,
            written_by=by,
            write_key=write_key,
        )
        event = audit.part(
            "file.written", "artifact", artifact.id, by=by, workspace_id=workspace.id,
            path=path, version=number, sha256=sha256,
        )  # fmt: skip
        runs = [("run", run.id)] if run is not None else []
        write(event, changes.part(("files", workspace.id), *runs, workspace_id=workspace.id))
        return version


def _look_up(blob: Blob, write_key: str | None) -> tuple[uuid.UUID | None, tuple[uuid.UUID, str] | None]:
    """The version that this write made before, and the row of these bytes, if they are stored already."""
    with connection.cursor() as cursor:
        cursor.execute(_LOOK_UP, [write_key, blob.workspace_id, blob.sha256])
        written, id, name = cursor.fetchone()
    return written, (id, name) if id else None


def _keep(blob: Blob) -> None:
    """Give it the row of its bytes. By itself: whatever becomes of the rest, they are not stored again."""
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, [blob.id, blob.workspace_id, blob.sha256, blob.size, blob.storage_name])
        blob.id, blob.storage_name = cursor.fetchone()


def _place(artifact: Artifact) -> None:
    """Give it the row of its path; no other writer of it comes between until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(_PLACE, [artifact.id, artifact.workspace_id, artifact.path])
        [artifact.id] = cursor.fetchone()


def _next(artifact: Artifact, write_key: str | None) -> tuple[int, uuid.UUID | None]:
    """The number of the next version, and the one that this write made meanwhile. Apart: the path had to be locked."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [write_key, artifact.id])
        number, written = cursor.fetchone()
    return number, written


def _fitting(write_key: str | None) -> str | None:
    """A workflow's id in it may be longer than its column."""
    if write_key is None or len(write_key) <= _LONGEST_KEY:
        return write_key
    return f"sha256/{hashlib.sha256(write_key.encode()).hexdigest()}"


def _checked(path: str) -> str:
    path = str(clean(path)).strip()
    names = path.split("/")
    if not path or len(path) > 900 or any(name in ("", ".", "..") for name in names) or "\\" in path:
        raise InvalidPath(f"{path!r} is not a path of names joined by /.")
    return path
