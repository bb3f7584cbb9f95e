"""A model call as it was: every message, and the whole answer, as plain text that can do nothing."""

from __future__ import annotations

import uuid
from http import HTTPStatus

from django.http import HttpResponse

from reviews.pages.edge import PageRequest, page, problem
from reviews.pages.files import SANDBOX
from reviews.runs.models import ModelCall
from reviews.runs.queries import run_for
from reviews.runs.transcripts import Gone, whole_of
from reviews.workspaces.access import NotFound


@page("GET")
def call(request: PageRequest, run_id: uuid.UUID, call_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id)
    found = ModelCall.objects.filter(run=run, id=call_id).first()
    if found is None:
        raise NotFound
    try:
        parts = [f"--- {role} ---\n\n{words}\n" for role, words in whole_of(found)]
    except Gone:
        said = "The run's page has the beginnings of this call; the rest of it is in storage."
        return problem(request, HTTPStatus.SERVICE_UNAVAILABLE, said)
    # Lone surrogates, which a model may have said, are no UTF-8.
    text = "\n".join(parts).encode("utf-8", "replace")
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response["Content-Security-Policy"] = SANDBOX
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response
