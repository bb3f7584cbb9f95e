"""Agent types that somebody else's worker, or whoever deploys it, makes startable."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.urls import reverse

from reviews.runs.actions import register_agent_type
from reviews.runs.faults import Fault, InvalidInput, SchemaError, check_schema, faults_of
from reviews.runs.mirroring import UnknownWorkspace
from reviews.runs.text import clean
from reviews.workspaces.models import Workspace

_NAME = {"type": "string", "minLength": 1, "maxLength": 255}
REQUEST: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
        "queue": _NAME,
        "workflow_type": _NAME,
        "title": {"type": "string", "maxLength": 150},
        "description": {"type": "string"},
        "input_schema": {"type": "object"},
        "example": {"type": "object"},
    },
    "required": ["name", "queue", "workflow_type"],
}
"""As docs/contract/register_agent.schema.json says it; fields that are not known are ignored."""


def register_agent(namespace: str, request: Any) -> str:
    """Keep the agent of a ``RegisterAgentRequest``; answers the address of the page that starts one.

    Whoever registers a name last has the last word. Raises
    :class:`~reviews.runs.faults.InvalidInput` and, where the namespace belongs to nobody here,
    :class:`~reviews.runs.mirroring.UnknownWorkspace`.
    """
    agent = _checked(request)
    workspace = Workspace.objects.filter(namespace=namespace).order_by("created_at", "id").first()
    if workspace is None:
        raise UnknownWorkspace(f"No workspace is bound to the namespace {namespace!r}.")
    name = agent["name"]
    register_agent_type(
        namespace,
        name,
        title=agent.get("title") or name,
        description=agent.get("description", ""),
        queue=agent["queue"],
        workflow_type=agent["workflow_type"],
        input_schema=agent.get("input_schema", {}),
        example=agent.get("example", {}),
    )
    chosen = urlencode({"workspace": workspace.slug, "agent": name})
    return f"{settings.AGENTSITE_URL.rstrip('/')}{reverse('new_run')}?{chosen}"


def _checked(request: Any) -> dict[str, Any]:
    try:
        agent = clean(request)
        faults = faults_of(agent, REQUEST) or _faults_of_example(agent)
    except RecursionError as error:
        raise InvalidInput([Fault("", "This is nested too deeply.")]) from error
    if faults:
        raise InvalidInput(faults)
    return dict(agent)


def _faults_of_example(agent: dict[str, Any]) -> list[Fault]:
    """The example fills the form that starts a run, so it has to fit where there is one."""
    schema, example = agent.get("input_schema", {}), agent.get("example")
    try:
        check_schema(schema)
    except SchemaError as error:
        return [Fault("/input_schema", error.message)]
    faults = faults_of(example, schema) if example else []
    return [Fault("/example" + fault.pointer, fault.message) for fault in faults]
