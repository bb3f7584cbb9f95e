"""Storing what agents make as versions of artifacts."""

from __future__ import annotations

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.artifacts.actions import write_version
from reviews.runs import mirroring
from workflows.activities.database import with_database
from workflows.stubs.files import Report, StoredFile

STORAGE_FAILED = "StorageFailed"


@activity.defn
@with_database
def store_report(report: Report) -> StoredFile:
    """Write the report once: a repeated attempt finds the version that it wrote before."""
    info = activity.info()
    run = mirroring.adopt(
        info.namespace,
        info.workflow_id or "",
        info.workflow_run_id or "",
        workflow_type=info.workflow_type or "",
    )
    try:
        version = write_version(
            run.workspace,
            report.path,
            report.markdown.encode(),
            media_type="text/markdown; charset=utf-8",
            run=run,
            write_key=f"{info.namespace}/{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}",
        )
    except OSError as error:
        words = f"{report.path} could not be stored, and is tried again: {error.strerror or error}."
        raise ApplicationError(words, type=STORAGE_FAILED) from error
    return StoredFile(str(version.id), report.path, version.number, version.blob.size)
