"""What can be started."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router
from pydantic import BaseModel, Field

from reviews.api.access import viewer_of
from reviews.api.paging import PageQuery, decode, encode
from reviews.api.problems import documented
from reviews.api.shapes import Json
from reviews.runs.models import AgentType
from reviews.runs.queries import agent_types_for
from reviews.workspaces.access import Right, Viewer, workspace_for, workspaces_of

router = Router(tags=["agents"])


class AgentQuery(PageQuery):
    workspace: str | None = Field(default=None, description="Slug: only what can be started there.")


class AgentOut(BaseModel):
    name: str
    title: str
    description: str
    namespace: str
    input_schema: Json = Field(description="JSON Schema of a run's input.")
    example: Json = Field(description="An input that the schema takes.")
    url: str = Field(description="The page that starts one.")


class AgentList(BaseModel):
    items: list[AgentOut]
    next: str | None


@router.get(
    "/agents",
    response=AgentList,
    operation_id="list_agents",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_agents(request: HttpRequest, query: Query[AgentQuery]) -> AgentList:
    """The agents that can be started, by name."""
    viewer = viewer_of(request)
    workspace = workspace_for(viewer, query.workspace, Right.AGENTS_READ) if query.workspace else None
    agents = sorted(agent_types_for(viewer, workspace), key=_place)
    if query.cursor is not None:
        after = decode(query.cursor, str, str)
        agents = [agent for agent in agents if _place(agent) > after]
    page = agents[: query.limit]
    slugs = _slugs(viewer)
    return AgentList(
        items=[_agent_out(agent, query.workspace or slugs[agent.namespace]) for agent in page],
        next=encode(_place(page[-1])) if len(agents) > len(page) else None,
    )


def _place(agent: AgentType) -> list[Any]:
    return [agent.name, str(agent.id)]


def _slugs(viewer: Viewer) -> dict[str, str]:
    """Namespace → a workspace of the viewer's that is bound to it."""
    bound = workspaces_of(viewer).filter(id__in=viewer.workspaces(Right.AGENTS_READ))
    return dict(bound.values_list("namespace", "slug"))


def _agent_out(agent: AgentType, slug: str) -> AgentOut:
    chosen = {"workspace": slug, "agent": agent.name}
    return AgentOut(
        name=agent.name,
        title=agent.title,
        description=agent.description,
        namespace=agent.namespace,
        input_schema=agent.input_schema,
        example=agent.example,
        url=f"{settings.AGENTSITE_URL}{reverse('new_run')}?{urlencode(chosen)}",
    )
