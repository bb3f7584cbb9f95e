"""Steering a run: a signal, a request to cancel, a termination."""

from __future__ import annotations

import json
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
from reviews.pages.run import show
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs import actions
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right


@page("POST")
def signals(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """``name`` and ``input``, which is JSON or empty."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    name, text = request.POST.get("name", "").strip(), request.POST.get("input", "")
    value, errors = _read(name, text)
    if errors:
        typed = {"signal": {"name": name, "input": text, "errors": errors}}
        return show(request, run, status=HTTPStatus.UNPROCESSABLE_ENTITY, **typed)
    return _done(
        request,
        run,
        lambda: actions.signal_run(run, name, value, by=request.viewer.account),
        f"The signal “{name}” is on its way.",
    )


@page("POST")
def cancellation(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    return _done(
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
    return _done(
        request,
        run,
        lambda: actions.terminate_run(run, reason, by=request.viewer.account),
        "The run is being terminated.",
    )


def _done(request: PageRequest, run: Run, effect: Callable[[], None], said: str) -> HttpResponse:
    def act() -> str:
        effect()
        messages.success(request, said)
        return addresses.of_run(run)

    try:
        return redirect(once(request, act))
    except IdempotencyKeyReused:
        messages.warning(request, "This form was sent before with other values. Look, then send it again.")
        return redirect(addresses.of_run(run))


def _read(name: str, text: str) -> tuple[Any, dict[str, str]]:
    errors = {} if name and len(name) <= 255 else {"name": "A signal needs a name."}
    if not text.strip():
        return None, errors
    try:
        return json.loads(text), errors
    except (ValueError, RecursionError) as error:
        return None, {**errors, "input": f"This is not JSON: {error}"}
