"""A run: its head, what it waits for, and its steps, events, model calls, files and questions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from reviews.artifacts.queries import of_run as versions_of_run
from reviews.escalations.queries import of_run as questions_of_run
from reviews.insights.timeouts import timeouts_of
from reviews.outbox.models import Message, MessageKind, MessageState
from reviews.pages.attempts import new_attempt
from reviews.pages.edge import PageRequest, page
from reviews.pages.steering import offers, sent_to_temporal
from reviews.pages.tallies import tallies
from reviews.pages.waterfall import Row, Waterfall, waterfall
from reviews.runs.engine import EngineUnavailable
from reviews.runs.models import Attempt, ModelCall, Run, Step, StepKind
from reviews.runs.queries import events, run_for
from reviews.workspaces.access import Right, Viewer

TABS = {
    "steps": "Steps",
    "events": "Events",
    "calls": "Model calls",
    "files": "Files",
    "questions": "Questions",
    "ask": "Ask",
}
STEPS = EVENTS = 500
CALLS = 50
NOTES = 3
MOST_AFTER = 2**31 - 1


@page("GET")
def run(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    return show(request, run_for(request.viewer, run_id))


def show(
    request: PageRequest, shown: Run, *, status: HTTPStatus = HTTPStatus.OK, **context: Any
) -> HttpResponse:
    """The run's page, also as the answer to a signal that could not be read."""
    tab = context.get("tab") or request.GET.get("tab", "steps")
    tab = tab if tab in TABS else "steps"
    context |= _head(request.viewer, shown, tab) | _TABS[tab](shown, _after(request))
    template = "run/_main.html" if request.htmx else "run/page.html"
    return render(request, template, context, status=status)


def _head(viewer: Viewer, shown: Run, tab: str) -> dict[str, Any]:
    counted = tallies(shown)
    questions = list(questions_of_run(shown).select_related("claim__account").defer("document"))
    counts = {"steps": counted["steps"], "events": shown.last_event_id, "calls": counted["calls"],
              "files": counted["files"], "questions": len(questions)}  # fmt: skip
    return {
        "run": shown,
        "tab": tab,
        "tabs": [(name, title, counts.get(name)) for name, title in TABS.items()],
        "tallies": counted,
        "questions": questions,
        "waiting": [question for question in questions if question.is_pending],
        "start_error": _start_error(shown),
        "may_control": shown.is_open and viewer.may(Right.RUNS_CONTROL, shown.workspace_id),
        "sent": sent_to_temporal(shown) if counted["sent"] and tab == "steps" else [],
        "attempt": new_attempt(),
        **offers(viewer, shown),
    }


def _start_error(shown: Run) -> str:
    """Why Temporal has not started it yet, in the courier's words."""
    if shown.status != "starting":
        return ""
    pending = Message.objects.filter(subject=shown.id, kind=MessageKind.START, state=MessageState.PENDING)
    return pending.values_list("last_error", flat=True).first() or ""


def _steps(shown: Run, after: int) -> dict[str, Any]:
    steps = list(Step.objects.filter(run=shown, event_id__gt=after).order_by("event_id")[: STEPS + 1])
    shown_steps = steps[:STEPS]
    ids = [step.activity_id for step in shown_steps if step.activity_id]
    attempts = Attempt.objects.filter(run=shown, activity_id__in=ids).order_by("number")
    picture = waterfall(shown, shown_steps, attempts, timezone.now())
    _measure(shown, picture)
    return {
        "waterfall": picture,
        "troubled": _troubled(picture),
        "more_after": shown_steps[-1].event_id if len(steps) > STEPS else None,
    }


def _measure(shown: Run, picture: Waterfall) -> None:
    """Put beside each activity how long its type takes, and the timeout that would do."""
    activities = [row for row in picture.rows if row.step.kind == StepKind.ACTIVITY]
    measured = timeouts_of(shown.namespace, {row.step.name for row in activities})
    for row in activities:
        row.measured = measured.get(row.step.name)


def _troubled(picture: Waterfall) -> list[Row]:
    """Steps that failed or are being tried again, the newest first."""
    rows = [row for row in picture.rows if row.is_retrying or row.step.status in ("failed", "timed_out")]
    return rows[::-1][:NOTES]


def _events(shown: Run, after: int) -> dict[str, Any]:
    try:
        found = list(events(shown, after=after, limit=EVENTS))
    except EngineUnavailable as error:
        return {"events": [], "events_error": str(error)}
    full = len(found) == EVENTS and found[-1]["id"] < shown.last_event_id
    return {"events": found, "more_after": found[-1]["id"] if full else None}


def _calls(shown: Run, after: int) -> dict[str, Any]:
    calls = list(ModelCall.objects.filter(run=shown).order_by("started_at", "id")[after : after + CALLS + 1])
    return {"calls": calls[:CALLS], "more_after": after + CALLS if len(calls) > CALLS else None}


def _files(shown: Run, after: int) -> dict[str, Any]:
    return {"versions": list(versions_of_run(shown)[:EVENTS])}


def _questions(shown: Run, after: int) -> dict[str, Any]:
    return {}


def _ask(shown: Run, after: int) -> dict[str, Any]:
    """Its part comes by itself: the workflow may take long to answer."""
    return {}


_TABS: dict[str, Callable[[Run, int], dict[str, Any]]] = {
    "steps": _steps,
    "events": _events,
    "calls": _calls,
    "files": _files,
    "questions": _questions,
    "ask": _ask,
}


def _after(request: PageRequest) -> int:
    text = request.GET.get("after", "")
    return min(int(text), MOST_AFTER) if text.isascii() and text.isdigit() and len(text) < 12 else 0
