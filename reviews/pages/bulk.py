"""Steering many runs at once: those chosen by their boxes, or all open ones that fit the filter."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect

from reviews.pages.attempts import once_each
from reviews.pages.edge import PageRequest, page
from reviews.pages.run_filters import Filters, as_uuid
from reviews.pages.run_list import found
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs import actions
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Forbidden, NotFound, Right

AT_MOST = 1000
Steer = Callable[[Run], None]
SENT_BEFORE = "This form was sent before with other values. Look, then send it again."


@page("POST")
def cancellations(request: PageRequest) -> HttpResponse:
    """``run``, several; or ``all`` with ``query``."""
    return _steer(request, lambda run: actions.cancel_run(run, by=request.viewer.account), "asked to cancel")


@page("POST")
def terminations(request: PageRequest) -> HttpResponse:
    """The same with ``reason``."""
    reason = request.POST.get("reason", "").strip()

    def terminate(run: Run) -> None:
        actions.terminate_run(run, reason, by=request.viewer.account)

    return _steer(
        request,
        terminate,
        "being terminated",
        missing="" if reason else "Say why: it stands in each run's history.",
    )


def _steer(request: PageRequest, steer: Steer, done: str, *, missing: str = "") -> HttpResponse:
    request.viewer.require_anywhere(Right.RUNS_CONTROL)
    back = _back(request)
    wanted = _wanted(request)
    if missing or not wanted:
        messages.warning(request, missing or "Choose a run by its box first.")
        return redirect(back)
    try:
        outcomes = once_each(request, wanted, lambda id: _outcome(request, id, steer))
    except IdempotencyKeyReused:
        messages.warning(request, SENT_BEFORE)
        return redirect(back)
    if outcomes.keys() == {"unknown"}:
        raise NotFound
    messages.success(request, in_words(outcomes, done))
    return redirect(back)


def _wanted(request: PageRequest) -> list[str]:
    """Ids, as they came or as the filter finds them: the newest, no more than fit in one go."""
    if request.POST.get("scope") != "all":
        return [str(id) for id in dict.fromkeys(filter(None, map(as_uuid, request.POST.getlist("run"))))][
            :AT_MOST
        ]
    filters = Filters.of(QueryDict(request.POST.get("query", "")))
    if not filters.any:
        return []  # every run of every workspace is nobody's wish
    mine = (
        found(request.viewer, filters)
        .open()
        .filter(workspace__in=request.viewer.workspaces(Right.RUNS_CONTROL))
    )
    return [str(id) for id in mine.order_by("-created_at", "-id").values_list("id", flat=True)[:AT_MOST]]


def _outcome(request: PageRequest, id: str, steer: Steer) -> str:
    try:
        run = run_for(request.viewer, uuid.UUID(id), Right.RUNS_CONTROL)
        steer(run)
    except NotFound:
        return "unknown"
    except Forbidden:
        return "forbidden"
    except actions.RunClosed:
        return "ended"
    return "done"


def in_words(outcomes: Counter[str], done: str) -> str:
    """``42 asked to cancel, 3 had ended already``."""
    said = {
        "done": done,
        "ended": "had ended already",
        "forbidden": "not yours to steer",
        "unknown": "no longer there",
    }
    return ", ".join(f"{outcomes[name]:,} {words}" for name, words in said.items() if outcomes[name]) + "."


def _back(request: PageRequest) -> str:
    """The list as it was, where the form came from."""
    return Filters.of(QueryDict(request.POST.get("back", ""))).here
