"""A run: its head, what it waits for, and its steps, events, model calls, files and questions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from reviews.artifacts.queries import of_run as versions_of_run
from reviews.conversations.queries import CHAT
from reviews.escalations.queries import of_chains as questions_of
from reviews.outbox.models import Message, MessageKind, MessageState
from reviews.pages import details, events, family, marks, steps
from reviews.pages.attempts import new_attempt
from reviews.pages.edge import PageRequest, page
from reviews.pages.numbers import number_in
from reviews.pages.steering import offers, sent_to_temporal
from reviews.pages.tallies import tallies
from reviews.runs.models import ModelCall, Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right, Viewer

TABS = {
    "steps": "Steps",
    "events": "Events",
    "calls": "Model calls",
    "files": "Files",
    "questions": "Questions",
    "ask": "Ask",
    "family": "Family",
    "details": "Details",
}
GROWS = ("steps", "events")
"""Tabs that take in what is new by themselves, so that nothing is lost that was appended or unfolded."""
_PARTS = {"head": "run/_head.html", "sent": "run/_sent.html"}
"""What reloads by itself while the rest of the page stays."""
WAITING = 3
"""Questions that are said at the top: the steps are to be seen."""
FILES = 500
CALLS = 50


@page("GET")
def run(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    return show(request, run_for(request.viewer, run_id))


def show(
    request: PageRequest, shown: Run, *, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """The run's page, also as the answer to a signal that could not be read."""
    tab = context.get("tab") or request.GET.get("tab", "steps")
    tab = tab if tab in TABS else "steps"
    context |= _head(request.viewer, shown, tab) | {"is_an_answer": status != HTTPStatus.OK}
    if request.htmx and (part := _PARTS.get(request.GET.get("part", ""))):
        return render(request, part, context | {"is_alone": True})
    context |= _TABS[tab](request, shown)
    template = "run/_main.html" if request.htmx else "run/page.html"
    return render(request, template, context, status=status)


def _head(viewer: Viewer, shown: Run, tab: str) -> dict[str, Any]:
    counted = tallies(viewer, shown)
    asking = questions_of(viewer, [shown.chain, *(counted["waiting_below"] or [])])
    found = list(asking.select_related("claim__account").defer("document"))
    questions = [question for question in found if question.run.chain == shown.chain]
    waiting = [question for question in found if question.is_pending]
    own = [question for question in waiting if question in questions]
    sent = sent_to_temporal(shown) if counted["sent"] and tab == "steps" else []
    counts = {"steps": counted["steps"], "events": shown.last_event_id, "calls": counted["calls"],
              "files": counted["files"], "questions": len(questions)}  # fmt: skip
    return {
        "run": shown,
        "mark": marks.CHILD_WAITS if waiting and not own else marks.of_run(shown),
        "tab": tab,
        "grows": tab in GROWS,
        "tabs": [(name, title, counts.get(name)) for name, title in TABS.items()],
        "tallies": counted,
        "talks": counted["turns"] is not None or shown.workflow_type == CHAT,
        "questions": questions,
        "waiting": waiting[:WAITING],
        "more_waiting": len(waiting[WAITING:]),
        "start_error": _start_error(shown),
        "may_control": shown.is_live and viewer.may(Right.RUNS_CONTROL, shown.workspace_id),
        "sent": sent,
        "attempt": new_attempt(),
        **offers(viewer, shown),
    }


def _start_error(shown: Run) -> str:
    """Why Temporal has not started it yet, in the courier's words."""
    if shown.status != "starting":
        return ""
    pending = Message.objects.filter(subject=shown.id, kind=MessageKind.START, state=MessageState.PENDING)
    return pending.values_list("last_error", flat=True).first() or ""


def _calls(request: PageRequest, shown: Run) -> dict[str, Any]:
    after = number_in(request.GET, "after") or 0
    calls = list(ModelCall.objects.filter(run=shown).order_by("started_at", "id")[after : after + CALLS + 1])
    return {"calls": calls[:CALLS], "more_after": after + CALLS if len(calls) > CALLS else None}


def _files(request: PageRequest, shown: Run) -> dict[str, Any]:
    return {"versions": list(versions_of_run(shown)[:FILES])}


def _questions(request: PageRequest, shown: Run) -> dict[str, Any]:
    return {}


def _ask(request: PageRequest, shown: Run) -> dict[str, Any]:
    """Its part comes by itself: the workflow may take long to answer."""
    return {}


_TABS: dict[str, Callable[[PageRequest, Run], dict[str, Any]]] = {
    "steps": steps.tab,
    "events": events.tab,
    "calls": _calls,
    "files": _files,
    "questions": _questions,
    "family": family.tab,
    "details": details.tab,
    "ask": _ask,
}
