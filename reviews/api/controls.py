"""Steering a run: what is asked for is recorded here and carried out by the courier."""

from __future__ import annotations

import uuid

from django.http import HttpRequest
from ninja import Router, Status
from pydantic import BaseModel, ConfigDict, Field

from reviews.api.access import viewer_of
from reviews.api.bodies import read
from reviews.api.openapi import takes
from reviews.api.problems import documented
from reviews.api.runs import RunOut, run_out
from reviews.api.shapes import Json
from reviews.runs import actions
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right

router = Router(tags=["runs"])

REFUSALS = ("unauthorized", "forbidden", "not-found", "run-closed")


class SignalIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "set_priority", "input": {"priority": "high"}}]},
    )

    name: str = Field(min_length=1, max_length=255)
    input: Json = Field(
        default=None, description="The signal's one argument; leave it out where it takes none."
    )

    @property
    def arguments(self) -> list[object]:
        """Null that is said is an argument; what is left out is none."""
        return [self.input] if "input" in self.model_fields_set else []


class TerminationIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reason": "Started twice by mistake."}]}
    )

    reason: str = Field(default="", max_length=2000)


@router.post(
    "/runs/{run_id}/signals",
    response={202: RunOut},
    operation_id="signal_run",
    openapi_extra={
        "requestBody": takes(SignalIn),
        "responses": documented(*REFUSALS, "too-large", "validation"),
    },
)
def signal_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Send a signal. Answers to questions do not go this way: they are decisions."""
    viewer = viewer_of(request)
    run = run_for(viewer, run_id, Right.RUNS_CONTROL)
    signal = read(request, SignalIn)
    actions.signal_run(run, signal.name, *signal.arguments, by=viewer.account)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/cancellation",
    response={202: RunOut},
    operation_id="cancel_run",
    openapi_extra={"responses": documented(*REFUSALS)},
)
def cancel_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """Ask the workflow to end; it may clean up first. Asking again changes nothing."""
    viewer = viewer_of(request)
    run = run_for(viewer, run_id, Right.RUNS_CONTROL)
    actions.cancel_run(run, by=viewer.account)
    return Status(202, run_out(run))


@router.post(
    "/runs/{run_id}/termination",
    response={202: RunOut},
    operation_id="terminate_run",
    openapi_extra={
        "requestBody": takes(TerminationIn),
        "responses": documented(*REFUSALS, "too-large", "validation"),
    },
)
def terminate_run(request: HttpRequest, run_id: uuid.UUID) -> Status[RunOut]:
    """End the workflow at once; it gets no chance to clean up."""
    viewer = viewer_of(request)
    run = run_for(viewer, run_id, Right.RUNS_CONTROL)
    actions.terminate_run(run, read(request, TerminationIn).reason, by=viewer.account)
    return Status(202, run_out(run))
