"""Drills: crashes that an operator starts and watches, on a site that starts again what dies."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from reviews.drills.actions import AnotherDrillRuns, end_drill, start_drill
from reviews.drills.launching import Launch, launcher
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.drills.queries import NEEDS, drill_for, drills_for
from reviews.pages.attempts import new_attempt, once
from reviews.pages.drill_words import FIGURES, OFFERS, Offer
from reviews.pages.edge import PageRequest, page, problem
from reviews.pages.lists import keyset_page
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.text import clean
from reviews.workspaces.access import NotFound, Right, Viewer, workspace_for, workspaces_of
from reviews.workspaces.models import Workspace

SIZE = 30
DEMO = "demo"
NEEDS_UP = "Drills run where “make up” starts again what they kill, and this site runs otherwise."
ANOTHER = "Another drill runs. Wait for its end: two would strike each other's runs."
SENT_BEFORE = "This form was sent before with other values. Look, then send it again."


@page("GET", "POST")
def drills(request: PageRequest) -> HttpResponse:
    return _start(request) if request.method == "POST" else _list(request)


@page("GET")
def drill(request: PageRequest, drill_id: uuid.UUID) -> HttpResponse:
    shown = drill_for(request.viewer, drill_id)
    context = {
        "drill": shown,
        "offer": OFFERS[DrillKind(shown.kind)],
        "lines": list(shown.lines.all()),
        "cells": list(_cells(shown)),
        "figures": [(title, shown.figures[name]) for name, title in FIGURES.items() if name in shown.figures],
    }
    return render(request, "drill/_main.html" if request.htmx else "drill/page.html", context)


def _list(request: PageRequest) -> HttpResponse:
    found = drills_for(request.viewer)
    slug = str(clean(request.GET.get("workspace", "")))
    if slug:
        found = found.filter(workspace=workspace_for(request.viewer, slug, Right.RUNS_READ))
    older = keyset_page(found, request.GET.get("before", ""), by="started_at", size=SIZE)
    context = {
        "drills": [(one, OFFERS[DrillKind(one.kind)]) for one in older.items],
        "older": older.next,
        "before": request.GET.get("before", ""),
        "slug": slug,
        "running": next((one for one in found.filter(state=DrillState.RUNNING) if one.is_running), None),
        "start": _offered(request.viewer, slug),
    }
    return render(request, "drills/_main.html" if request.htmx else "drills/page.html", context)


@dataclass(frozen=True)
class Start:
    """What the viewer may start, and where. ``workspace`` None: nothing."""

    workspace: Workspace | None
    offers: list[tuple[Offer, bool]]
    can_run: bool
    attempt: str


def _offered(viewer: Viewer, slug: str) -> Start:
    """In the workspace that was asked for, else the demo's, else the first that the viewer operates."""
    operated = [one for one in workspaces_of(viewer) if viewer.may(Right.RUNS_CONTROL, one.id)]
    wanted = slug or DEMO
    workspace = next((one for one in operated if one.slug == wanted), None)
    if workspace is None and not slug:
        workspace = next(iter(operated), None)
    offers = [
        (offer, workspace is not None and all(viewer.may(right, workspace.id) for right in NEEDS[kind]))
        for kind, offer in OFFERS.items()
    ]
    return Start(workspace, offers, launcher() is not None, new_attempt())


def _start(request: PageRequest) -> HttpResponse:
    """``kind`` and ``workspace``."""
    viewer = request.viewer
    viewer.require_anywhere(Right.RUNS_CONTROL)
    workspace = workspace_for(viewer, str(clean(request.POST.get("workspace", ""))), Right.RUNS_CONTROL)
    kind = _kind(request.POST.get("kind", ""))
    for right in NEEDS[kind]:
        viewer.require(right, workspace.id)
    launch = launcher()
    if launch is None:
        return problem(request, HTTPStatus.CONFLICT, NEEDS_UP)
    try:
        return redirect(once(request, lambda: _begin(request, workspace, kind, launch)))
    except AnotherDrillRuns:
        messages.warning(request, ANOTHER)
    except IdempotencyKeyReused:
        messages.warning(request, SENT_BEFORE)
    return redirect("drills")


def _kind(said: str) -> DrillKind:
    try:
        return DrillKind(said)
    except ValueError as error:
        raise NotFound from error


def _begin(request: PageRequest, workspace: Workspace, kind: DrillKind, launch: Launch) -> str:
    begun = start_drill(workspace, kind, by=request.viewer.account)
    transaction.on_commit(partial(_launch, launch, begun))
    return reverse("drill", args=[begun.id])


def _launch(launch: Launch, begun: Drill) -> None:
    try:
        launch(begun)
    except OSError as error:
        end_drill(begun, DrillState.INTERRUPTED, f"Its process could not be started: {error.strerror}.")


def _cells(shown: Drill) -> Iterator[dict[str, Any]]:
    """A cell for each task of the run: answered, under way or to come; the one that was struck stands out."""
    tasks, struck = shown.figures.get("tasks", 0), shown.figures.get("task")
    width = 1000 / tasks if tasks else 0
    for number in range(1, tasks + 1):
        state = "done" if number <= shown.done else "now" if number == shown.done + 1 else "later"
        yield {
            "x": round((number - 1) * width + 1.5, 1),
            "width": round(width - 3, 1),
            "kind": f"{state} struck" if number == struck else state,
        }
