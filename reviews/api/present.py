"""What Temporal, or the workflow itself, says of a run now. Nothing of it is stored here."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from ninja import Router
from pydantic import BaseModel, ConfigDict, Field

from reviews.api.access import watched_run
from reviews.api.bodies import read
from reviews.api.openapi import takes
from reviews.api.problems import documented
from reviews.api.shapes import Json, Time
from reviews.runs import present
from reviews.runs.now import RunNow

router = Router(tags=["runs"])


class PauseOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    by: str
    reason: str
    since: Time | None


class PendingTaskOut(BaseModel):
    """The open workflow task. With more than one attempt the workflow's own code fails, again and again."""

    model_config = ConfigDict(from_attributes=True)

    attempt: int
    started: bool
    since: Time | None


class PendingActivityOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: str
    type: str
    state: str = Field(description="`scheduled`, `running`, `canceling`, `paused` or `pausing`.")
    attempt: int
    maximum_attempts: int = Field(description="0: no limit.")
    queue: str
    scheduled_at: Time | None
    started_at: Time | None
    next_try_at: Time | None
    failure: Json = Field(description="Of the last try: `{type, message, retryable}` or null.")
    progress: Json = Field(description="Details of the last heartbeat.")
    heartbeat_at: Time | None
    worker: str
    pause: PauseOut | None


class PendingChildOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    workflow_id: str
    run_id: str
    type: str


class PendingOperationOut(BaseModel):
    """A Nexus operation."""

    model_config = ConfigDict(from_attributes=True)

    endpoint: str
    service: str
    operation: str
    state: str
    attempt: int
    next_try_at: Time | None
    failure: Json


class WorkerOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    identity: str
    polled_at: Time
    workflows: bool
    activities: bool


class QueueOut(BaseModel):
    """A queue that the run needs, and who polled it lately."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    lacks: str = Field(description="What nobody polls it for; empty where somebody does.")
    workers: list[WorkerOut]


class RunNowOut(BaseModel):
    """Of a run that ended all is empty."""

    model_config = ConfigDict(from_attributes=True)

    task: PendingTaskOut | None
    pause: PauseOut | None
    activities: list[PendingActivityOut]
    children: list[PendingChildOut]
    operations: list[PendingOperationOut]
    queues: list[QueueOut]


class QueryIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "progress", "input": {"since": 0}}]}
    )

    name: str = Field(min_length=1, max_length=255)
    input: Json = Field(
        default=None, description="The query's one argument; leave it out where it takes none."
    )


class AnswerOut(BaseModel):
    result: Json = Field(description="Of more than 100 kB only the size is said.")


@router.get(
    "/runs/{run_id}/now",
    response=RunNowOut,
    operation_id="get_run_now",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "engine-unavailable")},
)
def get_run_now(request: HttpRequest, run_id: uuid.UUID) -> RunNow:
    """What is pending, and which workers poll the queues that it needs, as Temporal says."""
    return present.now(watched_run(request, run_id))


@router.post(
    "/runs/{run_id}/queries",
    response=AnswerOut,
    operation_id="query_run",
    openapi_extra={
        "requestBody": takes(QueryIn),
        "responses": documented(
            "unauthorized", "forbidden", "not-found", "too-large", "validation", "query-failed", "engine-unavailable"
        ),
    },
)  # fmt: skip
def query_run(request: HttpRequest, run_id: uuid.UUID) -> AnswerOut:
    """Ask the workflow; a worker that holds its code answers, also for a run that ended. It changes nothing."""
    run = watched_run(request, run_id)
    asked = read(request, QueryIn)
    arguments = [asked.input] if "input" in asked.model_fields_set else []
    return AnswerOut(result=present.ask(run, asked.name, arguments))
