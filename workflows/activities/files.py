"""Storing what agents make as versions of artifacts, and reading it again. Rights end at the run's workspace."""

from __future__ import annotations

import uuid

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.artifacts import queries
from reviews.artifacts.actions import write_version
from reviews.artifacts.models import Version
from reviews.runs import mirroring
from reviews.runs.models import Run
from workflows.activities.database import with_database
from workflows.stubs.files import LARGEST_READ, NewFile, Report, StoredFile

STORAGE_FAILED = "StorageFailed"


@activity.defn
@with_database
def store_report(report: Report) -> StoredFile:
    """Write the report once: a repeated attempt finds the version that it wrote before."""
    return write(report.path, report.markdown, "text/markdown; charset=utf-8")


@activity.defn
@with_database
def store_file(file: NewFile) -> StoredFile:
    """Write the file once, as ``store_report`` does."""
    return write(file.path, file.text, file.media_type)


@activity.defn
@with_database
def read_file(file: StoredFile) -> str:
    """A version's text. Faults are final: what is foreign, too large or no text is so tomorrow too."""
    return read(file)


def write(path: str, text: str, media_type: str) -> StoredFile:
    """In the run of the activity that calls; one file an activity."""
    info = activity.info()
    run = _this_run()
    try:
        version = write_version(
            run.workspace,
            path,
            text.encode(),
            media_type=media_type,
            run=run,
            write_key=f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}",
        )
    except OSError as error:
        words = f"{path} could not be stored, and is tried again: {error.strerror or error}."
        raise ApplicationError(words, type=STORAGE_FAILED) from error
    return StoredFile(str(version.id), path, version.number, version.blob.size)


def read(file: StoredFile, limit: int = LARGEST_READ) -> str:
    """The text of a version of this run's workspace, at most ``limit`` bytes.

    Raises a final ``ApplicationError``: ``UnknownFile`` (also for another workspace's), ``FileTooLarge``, ``NotText``.
    """
    own = Version.objects.filter(artifact__workspace=_this_run().workspace_id).select_related("blob")
    version = own.filter(id=_uuid(file.version_id)).first()
    if version is None:
        raise _final(f"This run's workspace has no version {file.version_id!r}.", "UnknownFile")
    if version.blob.size > limit:
        raise _final(f"{file.path} has {version.blob.size} bytes; at most {limit} are read.", "FileTooLarge")
    text = queries.text(version, limit)
    if text is None:
        raise _final(f"{file.path} is not UTF-8 text.", "NotText")
    return text


def _this_run() -> Run:
    info = activity.info()
    return mirroring.adopt(
        info.namespace,
        info.workflow_id or "",
        info.workflow_run_id or "",
        workflow_type=info.workflow_type or "",
    )


def _uuid(value: str) -> uuid.UUID:
    """Of no version where the text is no UUID."""
    try:
        return uuid.UUID(value)
    except ValueError:
        return uuid.UUID(int=0)


def _final(message: str, type: str) -> ApplicationError:
    return ApplicationError(message, type=type, non_retryable=True)
