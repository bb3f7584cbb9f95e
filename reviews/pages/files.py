"""Files: the list, one version, and its bytes in a sandbox."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from http import HTTPStatus
from typing import Any

from asgiref.sync import sync_to_async
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header

from reviews.artifacts import queries
from reviews.artifacts.models import Version
from reviews.pages.edge import PageRequest, page, problem
from reviews.pages.lists import keyset_page
from reviews.pages.markdown import render_markdown
from reviews.runs.text import clean

SIZE = 50
VERSIONS = 50
MARKDOWN = ("text/markdown", "text/x-markdown")
LONGEST_MARKDOWN = 300_000
SANDBOX = "sandbox; default-src 'none'; frame-ancestors 'none'"


@page("GET")
def files(request: PageRequest) -> HttpResponse:
    folder = str(clean(request.GET.get("folder", ""))).strip("/")
    listed = keyset_page(_newest(request, folder), request.GET.get("before", ""), by="created_at", size=SIZE)
    context = {"versions": listed.items, "next": listed.next, "folder": folder, "crumbs": _crumbs(folder)}
    return render(request, "files/_list.html" if request.htmx else "files/page.html", context)


def _newest(request: PageRequest, folder: str) -> QuerySet[Version]:
    """The current version of each file."""
    newer = Version.objects.filter(artifact=OuterRef("artifact"), number__gt=OuterRef("number"))
    versions = queries.versions_for(request.viewer).filter(~Exists(newer))
    return versions.filter(artifact__path__startswith=f"{folder}/") if folder else versions


@page("GET")
def file(request: PageRequest, version_id: uuid.UUID) -> HttpResponse:
    version = queries.version_for(request.viewer, version_id)
    try:
        preview = _preview(version)
    except OSError:
        return _unreadable(request)
    others = list(Version.objects.filter(artifact=version.artifact_id).select_related("blob")[:VERSIONS])
    folder = version.artifact.path.rpartition("/")[0]
    context = {"version": version, "versions": others, "newest": others[0], "crumbs": _crumbs(folder)}
    return render(request, "file/page.html", context | preview)


def _preview(version: Version) -> dict[str, Any]:
    """``markdown`` or ``text`` where it can be shown; neither where it is to be downloaded."""
    text = queries.text(version)
    if text is None or "\x00" in text:
        return {}
    kind = version.media_type.partition(";")[0].strip()
    if kind in MARKDOWN and len(text) <= LONGEST_MARKDOWN:
        return {"markdown": render_markdown(text), "text": text}
    return {"text": text, "cut": version.blob.size > len(text.encode())}


def _crumbs(folder: str) -> list[tuple[str, str]]:
    """Name and path of each folder above."""
    names = folder.split("/") if folder else []
    return [(name, "/".join(names[: place + 1])) for place, name in enumerate(names)]


@page("GET")
def content(request: PageRequest, version_id: uuid.UUID) -> HttpResponseBase:
    """The bytes as an attachment that can do nothing in this site's name."""
    version = queries.version_for(request.viewer, version_id)
    try:
        pieces = queries.content(version)
    except OSError:
        return _unreadable(request)
    # Under ASGI Django would read a plain iterator whole into memory.
    streamed = _without_blocking(pieces) if hasattr(request, "scope") else pieces
    response = StreamingHttpResponse(streamed, content_type=version.media_type)
    response["Content-Length"] = str(version.blob.size)
    response["Content-Disposition"] = content_disposition_header(True, version.artifact.name) or "attachment"
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _unreadable(request: PageRequest) -> HttpResponse:
    said = (
        "The bytes of this file cannot be read now. Try again; if that does not help, look after the storage."
    )
    return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, said)


async def _without_blocking(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await sync_to_async(_next)(pieces):
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes:
    """Empty at the end: StopIteration does not pass through a coroutine."""
    return next(pieces, b"")
