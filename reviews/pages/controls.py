"""Steering a run: signals and updates, pauses, its pending activities, cancelling and terminating it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect

from reviews.pages import addresses
from reviews.pages.attempts import once
from reviews.pages.edge import PageRequest, page
from reviews.pages.json_text import Unreadable, read_values
from reviews.pages.run import show
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs import actions, controlling
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right

SENT_BEFORE = "This form was sent before with other values. Look, then send it again."


@page("POST")
def signals(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """``name`` and ``input``, which is JSON or empty: then the signal has no argument."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    name, text = request.POST.get("name", "").strip(), request.POST.get("input", "")
    argument, errors = _read(name, text)
    if errors:
        typed = {"signal": {"name": name, "input": text, "errors": errors}}
        return show(request, run, status=HTTPStatus.UNPROCESSABLE_ENTITY, **typed)
    return done(
        request,
        run,
        lambda: actions.signal_run(run, name, *argument, by=request.viewer.account),
        f"The signal “{name}” is on its way.",
    )


@page("POST")
def updates(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """``name`` and ``input``: JSON values one after another, one for each argument, or empty."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    name, text = request.POST.get("name", "").strip(), request.POST.get("input", "")
    arguments, errors = _read_all(name, text)
    if errors:
        typed = {"update": {"name": name, "input": text, "errors": errors}}
        return show(request, run, status=HTTPStatus.UNPROCESSABLE_ENTITY, tab="ask", **typed)
    return done(
        request,
        run,
        lambda: controlling.update_run(run, name, arguments, by=request.viewer.account),
        f"The update “{name}” is on its way. What the workflow answers stands among the steps.",
    )


@page("POST")
def pause(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    return done(
        request,
        run,
        lambda: controlling.pause_run(run, by=request.viewer.account),
        "The run is being paused.",
    )


@page("POST")
def unpause(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    return done(
        request, run, lambda: controlling.unpause_run(run, by=request.viewer.account), "The run goes on."
    )


@page("POST")
def activity(request: PageRequest, run_id: uuid.UUID, activity_id: str, verb: str) -> HttpResponse:
    """``verb`` is one of :data:`ACTIVITY_VERBS`."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    act, said = ACTIVITY_VERBS[verb]
    return done(request, run, lambda: act(run, activity_id, by=request.viewer.account), said)


ACTIVITY_VERBS: dict[str, tuple[Callable[..., None], str]] = {
    "pause": (controlling.pause_activity, "The activity is being paused: no further try begins."),
    "unpause": (controlling.unpause_activity, "The activity goes on."),
    "retry": (controlling.retry_activity, "The activity is tried now."),
}


@page("POST")
def cancellation(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    return done(
        request,
        run,
        lambda: actions.cancel_run(run, by=request.viewer.account),
        "The run was asked to cancel. It may clean up first.",
    )


@page("POST")
def termination(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    reason = request.POST.get("reason", "").strip()
    if not reason:
        typed = {"termination": {"error": "Say why: it stands in the run's history."}}
        return show(request, run, status=HTTPStatus.UNPROCESSABLE_ENTITY, **typed)
    return done(
        request,
        run,
        lambda: actions.terminate_run(run, reason, by=request.viewer.account),
        "The run is being terminated.",
    )


def done(request: PageRequest, run: Run, effect: Callable[[], None], said: str) -> HttpResponse:
    def act() -> str:
        effect()
        messages.success(request, said)
        return addresses.of_run(run)

    try:
        return redirect(once(request, act))
    except IdempotencyKeyReused:
        messages.warning(request, SENT_BEFORE)
        return redirect(addresses.of_run(run))


def _read(name: str, text: str) -> tuple[list[Any], dict[str, str]]:
    values, errors = _read_all(name, text)
    if len(values) > 1:
        errors["input"] = "This is not JSON: a signal takes one value."
    return values, errors


def _read_all(name: str, text: str) -> tuple[list[Any], dict[str, str]]:
    errors = {} if name and len(name) <= 255 else {"name": "It needs a name of at most 255 characters."}
    try:
        return read_values(text), errors
    except Unreadable as error:
        return [], {**errors, "input": str(error)}
