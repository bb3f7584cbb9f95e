"""Starting runs and reading them."""

from __future__ import annotations

import uuid
from functools import partial

from django.http import HttpRequest
from ninja import Query, Router, Status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from reviews.api.access import viewer_of, watched_run
from reviews.api.bodies import checked, read_object
from reviews.api.idempotency import PARAMETER, key_of, once
from reviews.api.openapi import takes
from reviews.api.paging import PageQuery, newest
from reviews.api.problems import Problem, documented
from reviews.api.shapes import Json, Time, page_url
from reviews.people.models import Account
from reviews.runs import actions
from reviews.runs.faults import Fault, InvalidInput
from reviews.runs.filters import RunFilter
from reviews.runs.models import Run, RunStatus
from reviews.runs.queries import runs_for
from reviews.workspaces.access import Right, workspace_for
from reviews.workspaces.models import Workspace

router = Router(tags=["runs"])


class RunQuery(PageQuery):
    workspace: str | None = Field(default=None, description="Slug.")
    status: RunStatus | None = None
    agent: str | None = Field(default=None, description="Name of the agent.")
    workflow_id: str | None = None
    type: str | None = Field(default=None, description="Workflow type.")
    waiting: bool | None = Field(default=None, description="Whether it waits for a human.")
    started_after: AwareDatetime | None = Field(default=None, description="Created at this time or later.")
    started_before: AwareDatetime | None = Field(default=None, description="Created before this time.")
    q: str | None = Field(
        default=None, max_length=300, description="Words, or beginnings of words, of title and workflow id."
    )
    attribute: str | None = Field(
        default=None,
        max_length=300,
        pattern=r"^[^=]+=",
        description="Search attribute as `key=value`: a number, true or false, text, or one keyword of a list.",
        examples=["region=eu"],
    )
    parent: uuid.UUID | None = Field(default=None, description="Id of the run that started it.")

    def run_filter(self) -> RunFilter:
        return RunFilter(
            statuses=(self.status,) if self.status else (),
            agent=self.agent or "",
            type=self.type or "",
            waiting=self.waiting,
            after=self.started_after,
            before=self.started_before,
            text=self.q or "",
            attributes=(self.attribute,) if self.attribute else (),
            parent=self.parent,
        )


class RunIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "workspace": "demo",
                    "agent": "refund",
                    "input": {
                        "customer": "Ada Lovelace",
                        "amount": 120.5,
                        "reason": "The parcel never came.",
                    },
                }
            ]
        },
    )

    workspace: str = Field(description="Slug.")
    agent: str = Field(description="Name, as `GET /agents` says.")
    input: Json = Field(description="Fits the agent's `input_schema`.")


class RunOut(BaseModel):
    """One execution of a workflow; `chain` groups it with its continued-as-new and reset successors."""

    id: uuid.UUID
    workspace: str
    workspace_id: uuid.UUID = Field(description="As `docs/live.md` takes it.")
    agent: str
    title: str
    workflow_id: str
    run_id: str | None = Field(description="Temporal's; null while `status` is `starting`.")
    namespace: str
    chain: uuid.UUID = Field(description="Id of the chain's first run.")
    previous: uuid.UUID | None
    status: RunStatus
    waiting_for_human: bool
    input: Json
    result: Json
    failure: Json
    created_at: Time
    started_at: Time | None
    closed_at: Time | None
    forgotten_at: Time | None = Field(
        description="When the workspace's retention removed its history, steps, input and result."
    )
    url: str


class RunList(BaseModel):
    items: list[RunOut]
    next: str | None


@router.get(
    "/runs",
    response=RunList,
    operation_id="list_runs",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_runs(request: HttpRequest, query: Query[RunQuery]) -> RunList:
    """Runs, newest first."""
    viewer = viewer_of(request)
    runs = runs_for(viewer).select_related("workspace")
    if query.workspace is not None:
        runs = runs.filter(workspace=workspace_for(viewer, query.workspace, Right.RUNS_READ))
    if query.workflow_id is not None:
        runs = runs.filter(workflow_id=query.workflow_id)
    page, following = newest(query.run_filter().apply(runs), "created_at", query)
    return RunList(items=[run_out(run) for run in page], next=following)


@router.post(
    "/runs",
    response={201: RunOut},
    operation_id="start_run",
    openapi_extra={
        "parameters": [PARAMETER | {"required": False}],
        "requestBody": takes(RunIn),
        "responses": documented(
            "unauthorized", "forbidden", "not-found", "too-large",
            "validation", "idempotency-key-invalid", "idempotency-key-reused",
        ),
    },
)  # fmt: skip
def start_run(request: HttpRequest) -> Status[dict[str, object]]:
    """Start an agent. `workflow_id` is fixed at once; Temporal names `run_id` a moment later."""
    viewer = viewer_of(request)
    viewer.require_anywhere(Right.RUNS_START)
    key = key_of(request, required=False)
    body = read_object(request)
    wanted = checked(body, RunIn)
    workspace = workspace_for(viewer, wanted.workspace, Right.RUNS_START)
    return Status(
        201, once(request, viewer.account, key, body, partial(_start, workspace, wanted, viewer.account))
    )


def _start(workspace: Workspace, wanted: RunIn, by: Account) -> RunOut:
    try:
        return run_out(actions.start_run(workspace, wanted.agent, wanted.input, by=by))
    except actions.UnknownAgent as error:
        raise Problem(
            "validation", faults=[Fault("/agent", "No worker serves an agent of this name.")]
        ) from error
    except InvalidInput as error:
        faults = [Fault(f"/input{fault.pointer}", fault.message) for fault in error.faults]
        raise Problem("validation", faults=faults) from error


@router.get(
    "/runs/{run_id}",
    response=RunOut,
    operation_id="get_run",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found")},
)
def get_run(request: HttpRequest, run_id: uuid.UUID) -> RunOut:
    """One run."""
    return run_out(watched_run(request, run_id))


def run_out(run: Run) -> RunOut:
    """``run.workspace`` is loaded."""
    return RunOut(
        id=run.id,
        workspace=run.workspace.slug,
        workspace_id=run.workspace_id,
        agent=run.agent,
        title=run.title,
        workflow_id=run.workflow_id,
        run_id=run.run_id,
        namespace=run.namespace,
        chain=run.chain,
        previous=run.previous_id,
        status=RunStatus(run.status),
        waiting_for_human=run.waiting_for_human,
        input=run.input,
        result=run.result,
        failure=run.failure,
        created_at=run.created_at,
        started_at=run.started_at,
        closed_at=run.closed_at,
        forgotten_at=run.forgotten_at,
        url=page_url("run", run.id),
    )
