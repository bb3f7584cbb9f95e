"""Starting a run: choose an agent, fill in its input."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from reviews.conversations.queries import takes_messages
from reviews.pages import addresses
from reviews.pages.attempts import new_attempt, once
from reviews.pages.edge import PageRequest, page
from reviews.pages.forms import SchemaForm
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.actions import UnknownAgent, start_run
from reviews.runs.faults import InvalidInput
from reviews.runs.models import AgentType, Run
from reviews.runs.queries import agent_types_for, run_for
from reviews.workspaces.access import NotFound, Right, workspace_for, workspaces_of
from reviews.workspaces.models import Workspace

SENT_BEFORE = (
    "This form was sent before with other values, and that run was started. Send it again to start another."
)


@dataclass
class Start:
    """What the page offers: workspaces, their agents, and the form of the chosen one."""

    workspaces: list[Workspace]
    workspace: Workspace
    agents: list[AgentType]
    agent: AgentType | None
    form: SchemaForm | None
    like: Run | None
    attempt: str = field(default_factory=new_attempt)


@page("GET", "POST")
def new_run(request: PageRequest) -> HttpResponse:
    start = _start(request)
    if request.method != "POST":
        return _page(request, start)
    if start.agent is None or start.form is None:
        raise NotFound
    value = start.form.value()
    if not start.form.is_readable:
        return _page(request, start, HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        return redirect(once(request, lambda: _begin(request, start, value)))
    except InvalidInput as error:
        start.form.take(error.faults)
        return _page(request, start, HTTPStatus.UNPROCESSABLE_ENTITY)
    except IdempotencyKeyReused:
        messages.warning(request, SENT_BEFORE)
        return _page(request, start, HTTPStatus.CONFLICT)
    except UnknownAgent as error:
        raise NotFound from error


def _start(request: PageRequest) -> Start:
    """Raises :class:`NotFound` and :class:`~reviews.workspaces.access.Forbidden`."""
    request.viewer.require_anywhere(Right.RUNS_START)
    said = request.POST if request.method == "POST" else request.GET
    startable = set(request.viewer.workspaces(Right.RUNS_START))
    workspaces = [workspace for workspace in workspaces_of(request.viewer) if workspace.id in startable]
    slug = said.get("workspace") or workspaces[0].slug
    workspace = workspace_for(request.viewer, slug.replace("\x00", ""), Right.RUNS_START)
    agents = agent_types_for(request.viewer, workspace)
    agent = next((one for one in agents if one.name == said.get("agent")), None)
    if said.get("agent") and agent is None:
        raise NotFound
    like = _like(request, workspace, str(said.get("like", "")))
    form = _form(request, agent, like) if agent else None
    return Start(workspaces, workspace, agents, agent, form, like)


def _like(request: PageRequest, workspace: Workspace, run_id: str) -> Run | None:
    """The run whose input the form starts from. Raises :class:`NotFound`."""
    if not run_id:
        return None
    try:
        run = run_for(request.viewer, uuid.UUID(run_id))
    except ValueError as error:
        raise NotFound from error
    if run.workspace_id != workspace.id:
        raise NotFound
    return run


def _form(request: PageRequest, agent: AgentType, like: Run | None) -> SchemaForm:
    start = like.input if like and isinstance(like.input, dict) else agent.example
    if request.method == "POST":
        return SchemaForm.sent(agent.input_schema, start, request.POST.dict())
    return SchemaForm.filled(agent.input_schema, start)


def _begin(request: PageRequest, start: Start, value: object) -> str:
    assert start.agent is not None
    run = start_run(start.workspace, start.agent.name, value, by=request.viewer.account)
    return addresses.of_chat(run) if takes_messages(run) else addresses.of_run(run)


def _page(request: PageRequest, start: Start, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    example = json.dumps(start.agent.example, indent=2, ensure_ascii=False) if start.agent else ""
    return render(request, "new_run/page.html", {"start": start, "example": example}, status=status)
