"""Steering a run as it stands: updates, resets, pauses, its pending activities. The courier carries each out."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from reviews.api.access import viewer_of
from reviews.api.bodies import read
from reviews.api.controls import REFUSALS
from reviews.api.openapi import takes
from reviews.api.problems import documented
from reviews.api.runs import RunOut, run_out
from reviews.api.shapes import Json
from reviews.people.models import Account
from reviews.runs import controlling
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right

router = Router(tags=["runs"])


class UpdateIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "set_limit", "input": {"limit": 100}}]}
    )

    name: str = Field(min_length=1, max_length=255)
    input: Json = Field(
        default=None, description="The update's one argument; leave it out where it takes none."
    )

    @property
    def arguments(self) -> list[object]:
        """Null that is said is an argument; what is left out is none."""
        return [self.input] if "input" in self.model_fields_set else []


class ResetIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"event_id": 4, "reason": "A bad deploy."}]}
    )

    event_id: int = Field(ge=1, lt=2**31, description="Where a workflow task completed, failed or timed out.")
    reason: str = Field(default="", max_length=2000)


@router.post(
    "/runs/{run_id}/updates",
    response={202: RunOut},
    operation_id="update_run",
    openapi_extra={
        "requestBody": takes(UpdateIn),
        "responses": documented(*REFUSALS, "too-large", "validation"),
    },
)
def update_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Send an update. Whether the workflow takes it, and what it answers, stands among the steps."""
    run, by = _run_and_account(request, run_id)
    update = read(request, UpdateIn)
    controlling.update_run(run, update.name, update.arguments, by=by)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/resets",
    response={202: RunOut},
    operation_id="reset_run",
    openapi_extra={
        "requestBody": takes(ResetIn),
        "responses": documented(*REFUSALS, "too-large", "validation"),
    },
)
def reset_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Go on from an earlier point in a new execution of the chain; a run that ended can be reset too."""
    run, by = _run_and_account(request, run_id)
    wanted = read(request, ResetIn)
    controlling.reset_run(run, wanted.event_id, wanted.reason, by=by)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/pause",
    response={202: RunOut},
    operation_id="pause_run",
    openapi_extra={"responses": documented(*REFUSALS)},
)
def pause_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Let none of the workflow's code run until the pause is deleted. Not every Temporal server can."""
    run, by = _run_and_account(request, run_id)
    controlling.pause_run(run, by=by)
    return Status(202, run_out(run))


@router.delete(
    "/runs/{run_id}/pause",
    response={202: RunOut},
    operation_id="unpause_run",
    openapi_extra={"responses": documented(*REFUSALS)},
)
def unpause_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Let the run go on."""
    run, by = _run_and_account(request, run_id)
    controlling.unpause_run(run, by=by)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/activities/{path:activity_id}/pause",
    response={202: RunOut},
    operation_id="pause_activity",
    openapi_extra={"responses": documented(*REFUSALS, "validation")},
)
def pause_activity(request: HttpRequest, run_id: uuid.UUID, activity_id: str) -> Status[RunOut]:
    """Let no further try of a pending activity begin."""
    run, by = _run_and_account(request, run_id)
    controlling.pause_activity(run, activity_id, by=by)
    return Status(202, run_out(run))


@router.delete(
    "/runs/{run_id}/activities/{path:activity_id}/pause",
    response={202: RunOut},
    operation_id="unpause_activity",
    openapi_extra={"responses": documented(*REFUSALS, "validation")},
)
def unpause_activity(request: HttpRequest, run_id: uuid.UUID, activity_id: str) -> Status[RunOut]:
    """Let a paused activity go on."""
    run, by = _run_and_account(request, run_id)
    controlling.unpause_activity(run, activity_id, by=by)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/activities/{path:activity_id}/retry",
    response={202: RunOut},
    operation_id="retry_activity",
    openapi_extra={"responses": documented(*REFUSALS, "validation")},
)
def retry_activity(request: HttpRequest, run_id: uuid.UUID, activity_id: str) -> Status[RunOut]:
    """Try a pending activity at once, whatever it waits for; its attempts are counted from 1 again."""
    run, by = _run_and_account(request, run_id)
    controlling.retry_activity(run, activity_id, by=by)
    return Status(202, run_out(run))


def _run_and_account(request: HttpRequest, run_id: uuid.UUID) -> tuple[Run, Account]:
    viewer = viewer_of(request)
    return run_for(viewer, run_id, Right.RUNS_CONTROL), viewer.account
