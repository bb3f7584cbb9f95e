"""A history as a file: downloaded as Temporal's tools write it, and taken in from one."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header

from reviews.pages import addresses
from reviews.pages.edge import PageRequest, page
from reviews.runs.engine import BadHistory
from reviews.runs.histories import file_name, history_file, history_file_streamed
from reviews.runs.importing import LARGEST_FILE, import_history
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right, workspace_for, workspaces_of

TOO_LARGE = (
    f"The file is larger than {LARGEST_FILE // 1_000_000} MB. A history that Temporal keeps is smaller."
)
MISSING = "Choose the file first."


@page("GET")
def history(request: PageRequest, run_id: uuid.UUID) -> HttpResponseBase:
    run = run_for(request.viewer, run_id)
    # Under ASGI Django would read a plain iterator whole into memory.
    streamed = history_file_streamed(run) if hasattr(request, "scope") else history_file(run)
    response = StreamingHttpResponse(streamed, content_type="application/json")
    response["Content-Disposition"] = content_disposition_header(True, file_name(run)) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


@page("GET", "POST")
def imports(request: PageRequest) -> HttpResponse:
    """``history`` is the file, ``workspace`` a slug."""
    request.viewer.require_anywhere(Right.RUNS_START)
    if request.method != "POST" and "workspace" not in request.GET:
        return _form(request)
    said = request.POST if request.method == "POST" else request.GET
    slug = said.get("workspace", "").replace("\x00", "")
    workspace = workspace_for(request.viewer, slug, Right.RUNS_START)
    if request.method != "POST":
        return _form(request)
    file = request.FILES.get("history")
    if file is None:
        return _form(request, MISSING)
    if (file.size or 0) > LARGEST_FILE:
        return _form(request, TOO_LARGE)
    try:
        run = import_history(workspace, file, by=request.viewer.account)
    except BadHistory as error:
        return _form(request, str(error))
    messages.success(request, "The history is taken in. It stays as it is: no server knows this run.")
    return redirect(addresses.of_run(run))


def _form(request: PageRequest, error: str = "") -> HttpResponse:
    startable = set(request.viewer.workspaces(Right.RUNS_START))
    context = {
        "workspaces": [workspace for workspace in workspaces_of(request.viewer) if workspace.id in startable],
        "chosen": (request.POST if request.method == "POST" else request.GET).get("workspace", ""),
        "error": error,
        "largest": LARGEST_FILE,
    }
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    return render(request, "imports/page.html", context, status=status)
