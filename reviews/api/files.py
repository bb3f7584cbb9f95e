"""Files: every version of them, and their bytes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from functools import partial

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Query, Router
from pydantic import BaseModel, Field

from reviews.api.access import viewer_of
from reviews.api.paging import PageQuery, newest
from reviews.api.problems import Problem, documented
from reviews.api.shapes import PersonOut, Time, page_url, person_out
from reviews.artifacts.models import Version
from reviews.artifacts.queries import content, version_for, versions_for
from reviews.workspaces.access import Right, workspace_for

router = Router(tags=["files"])

BINARY = {"schema": {"type": "string", "format": "binary"}}


class FileQuery(PageQuery):
    workspace: str | None = Field(default=None, description="Slug.")
    path: str | None = Field(
        None, description="That file alone; with a `/` at its end, all below that folder."
    )


class FileOut(BaseModel):
    """One version of a file; it never changes."""

    id: uuid.UUID = Field(description="Of the version.")
    workspace: str
    path: str
    name: str
    version: int = Field(description="1 for the first, counted for each path.")
    size: int = Field(description="Bytes.")
    sha256: str
    media_type: str
    run: uuid.UUID | None = Field(description="The run that wrote it.")
    written_by: PersonOut | None
    created_at: Time
    url: str


class FileList(BaseModel):
    items: list[FileOut]
    next: str | None


@router.get(
    "/files",
    response=FileList,
    operation_id="list_files",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_files(request: HttpRequest, query: Query[FileQuery]) -> FileList:
    """Versions of files, newest first."""
    viewer = viewer_of(request)
    versions = versions_for(viewer).select_related("artifact__workspace", "blob", "written_by")
    if query.workspace is not None:
        workspace = workspace_for(viewer, query.workspace, Right.FILES_READ)
        versions = versions.filter(artifact__workspace=workspace)
    if query.path is not None:
        lookup = "startswith" if query.path.endswith("/") else "exact"
        versions = versions.filter(**{f"artifact__path__{lookup}": query.path})
    page, following = newest(versions, "created_at", query)
    return FileList(items=[_file_out(version) for version in page], next=following)


@router.get(
    "/files/{file_id}",
    response=FileOut,
    operation_id="get_file",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found")},
)
def get_file(request: HttpRequest, file_id: uuid.UUID) -> FileOut:
    """One version of a file."""
    return _file_out(version_for(viewer_of(request), file_id))


@router.get(
    "/files/{file_id}/content",
    operation_id="get_file_content",
    openapi_extra={
        "responses": {
            200: {"description": "The bytes, with their media type.", "content": {"*/*": BINARY}},
            **documented("unauthorized", "forbidden", "not-found", "file-unavailable"),
        }
    },
)
def get_file_content(request: HttpRequest, file_id: uuid.UUID) -> StreamingHttpResponse:
    """The bytes. Files are hostile input: a browser gets them sandboxed, as a download."""
    version = version_for(viewer_of(request), file_id)
    try:
        pieces = content(version)
    except OSError as error:
        raise Problem("file-unavailable") from error
    response = StreamingHttpResponse(
        _awaited(pieces) if isinstance(request, ASGIRequest) else pieces, content_type=version.media_type
    )
    response["Content-Length"] = str(version.blob.size)
    response["Content-Disposition"] = (
        content_disposition_header(True, _printable(version.artifact.name)) or "attachment"
    )
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    return response


async def _awaited(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Django would read a plain iterator to its end before it sends the first byte."""
    following = sync_to_async(partial(next, pieces, b""))
    while piece := await following():
        yield piece


def _printable(name: str) -> str:
    """Without the control and direction characters that a header cannot or must not carry."""
    return "".join(character if character.isprintable() else "_" for character in name)


def _file_out(version: Version) -> FileOut:
    return FileOut(
        id=version.id,
        workspace=version.artifact.workspace.slug,
        path=version.artifact.path,
        name=version.artifact.name,
        version=version.number,
        size=version.blob.size,
        sha256=version.blob.sha256,
        media_type=version.media_type,
        run=version.run_id,
        written_by=person_out(version.written_by) if version.written_by else None,
        created_at=version.created_at,
        url=page_url("file", version.id),
    )
