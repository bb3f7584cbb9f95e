"""Asking a workflow itself: its queries and stack trace, and forms for the updates and signals that it takes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from reviews.pages.attempts import new_attempt
from reviews.pages.edge import PageRequest, page
from reviews.pages.json_text import Unreadable, read_values
from reviews.runs import present
from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.runs.text import clean
from reviews.workspaces.access import Right

STACK_TRACE = "__stack_trace"


@dataclass(frozen=True)
class Asked:
    """A query as it was asked, and its ``answer`` or what went wrong: in the arguments, or in asking."""

    query: str
    arguments: str
    answer: Any = None
    unreadable: str = ""
    error: str = ""

    @property
    def is_trace(self) -> bool:
        return self.query == STACK_TRACE

    @property
    def answered(self) -> bool:
        return not (self.unreadable or self.error)


@page("GET")
def ask(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """With ``query`` (and ``arguments``, JSON values one after another): the workflow's answer too."""
    run = run_for(request.viewer, run_id)
    may_control = run.is_open and request.viewer.may(Right.RUNS_CONTROL, run.workspace_id)
    query = str(clean(request.GET.get("query", ""))).strip()
    asked = _asked(run, query, str(clean(request.GET.get("arguments", "")))) if query else None
    context = {"run": run, "may_control": may_control, "attempt": new_attempt(), "asked": asked}
    return render(
        request, "run/_ask.html" if request.htmx else "run/ask_page.html", context | _interface(run, asked)
    )


def _asked(run: Run, query: str, text: str) -> Asked:
    try:
        arguments = read_values(text)
    except Unreadable as error:
        return Asked(query, text, unreadable=str(error))
    try:
        if query == STACK_TRACE:
            return Asked(query, text, answer=present.stack_trace(run))
        return Asked(query, text, answer=present.ask(run, query, arguments))
    except (EngineUnavailable, QueryFailed) as error:
        return Asked(query, text, error=str(error))


def _interface(run: Run, asked: Asked | None) -> dict[str, Any]:
    if asked and asked.error:  # who did not answer once would only be waited for again
        return {}
    try:
        return {"interface": present.interface(run)}
    except (EngineUnavailable, QueryFailed) as error:
        return {"interface_error": str(error)}
