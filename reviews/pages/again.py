"""Another run like one that is there: by the form of its agent type, else with just the same input."""

from __future__ import annotations

import uuid
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from reviews.pages import addresses
from reviews.pages.attempts import new_attempt, once
from reviews.pages.controls import SENT_BEFORE
from reviews.pages.edge import PageRequest, page
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.actions import start_again
from reviews.runs.faults import InvalidInput
from reviews.runs.models import AgentType, Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right


@page("GET", "POST")
def again(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """POST is for types that nobody registered: they have no form."""
    run = run_for(request.viewer, run_id, Right.RUNS_START)
    if request.method != "POST":
        agent = _agent_of(run)
        return redirect(_new_run_like(run, agent)) if agent else _page(request, run)
    try:
        return redirect(once(request, lambda: _begin(request, run)))
    except InvalidInput as error:
        messages.warning(request, error.faults[0].message)
    except IdempotencyKeyReused:
        messages.warning(request, SENT_BEFORE)
    return redirect(addresses.of_run(run))


def _agent_of(run: Run) -> AgentType | None:
    """The registered type that has a form for the run's input."""
    types = AgentType.objects.filter(namespace=run.namespace, workflow_type=run.workflow_type)
    return min(types, key=lambda agent: agent.name != run.agent, default=None)


def _new_run_like(run: Run, agent: AgentType) -> str:
    query = {"workspace": run.workspace.slug, "agent": agent.name, "like": str(run.id)}
    return f"{reverse('new_run')}?{urlencode(query)}"


def _page(request: PageRequest, run: Run) -> HttpResponse:
    return render(request, "run/again_page.html", {"run": run, "attempt": new_attempt()})


def _begin(request: PageRequest, run: Run) -> str:
    another = start_again(run, by=request.viewer.account)
    messages.success(request, "Another run like it is being started.")
    return addresses.of_run(another)
