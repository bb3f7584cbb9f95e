"""Writing files: the bytes go to storage first, then one transaction makes them visible."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction

from reviews.artifacts.models import Artifact, Blob, Version
from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace

if TYPE_CHECKING:
    from reviews.people.models import Account
    from reviews.runs.models import Run

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
    path = _checked(path)
    if write_key is not None and (written := Version.objects.filter(write_key=write_key).first()):
        return written
    blob = _blob(workspace, content)
    with transaction.atomic():
        Artifact.objects.bulk_create([Artifact(workspace=workspace, path=path)], ignore_conflicts=True)
        artifact = Artifact.objects.select_for_update().get(workspace=workspace, path=path)
        if write_key is not None and (written := Version.objects.filter(write_key=write_key).first()):
            return written
        newest = artifact.versions.first()
        version = Version.objects.create(
            artifact=artifact,
            number=newest.number + 1 if newest else 1,
            blob=blob,
            media_type=media_type if _MEDIA_TYPE.fullmatch(media_type) else "application/octet-stream",
            run=run,
            written_by=by,
            write_key=write_key,
        )
        audit.record(
            "file.written", "artifact", artifact.id, by=by, workspace_id=workspace.id,
            path=path, version=version.number, sha256=blob.sha256,
        )  # fmt: skip
        runs = [("run", run.id)] if run is not None else []
        changes.record(("files", workspace.id), *runs, workspace_id=workspace.id)
        return version


def _blob(workspace: Workspace, content: bytes) -> Blob:
    """Bytes that are there already are not stored again; a blob's row is written after its bytes."""
    sha256 = hashlib.sha256(content).hexdigest()
    known = Blob.objects.filter(workspace=workspace, sha256=sha256)
    if (blob := known.first()) is not None:
        return blob
    name = default_storage.save(f"blobs/{workspace.id}/{sha256[:2]}/{sha256}", ContentFile(content))
    blob = Blob(workspace=workspace, sha256=sha256, size=len(content), storage_name=name)
    Blob.objects.bulk_create([blob], ignore_conflicts=True)
    return known.get()


def _checked(path: str) -> str:
    path = str(clean(path)).strip()
    names = path.split("/")
    if not path or len(path) > 900 or any(name in ("", ".", "..") for name in names) or "\\" in path:
        raise InvalidPath(f"{path!r} is not a path of names joined by /.")
    return path
