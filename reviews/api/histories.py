"""What a run did: its steps, projected, and its events, as Temporal holds them."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import Any, TypeVar

from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Query, Router
from pydantic import BaseModel, Field

from reviews.api.access import watched_run
from reviews.api.paging import LARGEST_LIMIT, PageQuery, decode, encode
from reviews.api.problems import documented
from reviews.api.shapes import Json, Time, page_url
from reviews.runs.histories import file_name, history_file, history_file_streamed
from reviews.runs.models import Attempt, ModelCall, Run, Step, StepKind, StepStatus
from reviews.runs.queries import events

router = Router(tags=["runs"])

T = TypeVar("T", Attempt, ModelCall)

LARGEST_EVENT_ID = 2**31 - 1
HISTORY = {
    "type": "object",
    "properties": {"events": {"type": "array", "items": {"type": "object"}}},
    "required": ["events"],
}


class EventQuery(PageQuery):
    after: int = Field(default=0, ge=0, le=LARGEST_EVENT_ID, description="Only events with a greater id.")
    limit: int = Field(default=LARGEST_LIMIT, ge=1, le=LARGEST_LIMIT)


class AttemptOut(BaseModel):
    """One try of an activity, as our worker saw it."""

    number: int
    outcome: Attempt.Outcome
    worker: str
    started_at: Time
    ended_at: Time | None
    failure: Json = Field(description="`{type, message, retryable, next_retry_seconds}` or null.")
    progress: Json = Field(description="Details of the last heartbeat.")


class ModelCallOut(BaseModel):
    """One request to a model that the step made. Messages and answer are on its page."""

    attempt: int
    purpose: str
    model: str
    demo: bool = Field(description="Whether the demo model was asked.")
    started_at: Time
    duration_ms: int
    finish_reason: str
    error: Json = Field(description="`{type, message}` or null.")
    tokens_in: int | None
    tokens_out: int | None
    tokens_cached: int | None = Field(description="Of those in.")
    cost: str | None = Field(
        description="US dollars, decimal; null where no price is known.", examples=["0.0004500000"]
    )
    url: str


class StepOut(BaseModel):
    """One thing that the run did. Temporal keeps an activity's last attempt only; `attempts` are those recorded."""

    event_id: int = Field(description="Where it began in the history.")
    kind: StepKind
    name: str = Field(description="Of an activity, child run, signal or update: its type or name.")
    summary: str
    status: StepStatus
    attempt_count: int
    attempts: list[AttemptOut]
    model_calls: list[ModelCallOut] = Field(description="In the order in which they began.")
    input: Json
    result: Json
    failure: Json
    scheduled_at: Time
    started_at: Time | None
    closed_at: Time | None
    url: str = Field(description="The step on its run's page.")


class StepList(BaseModel):
    items: list[StepOut]
    next: str | None


class EventOut(BaseModel):
    id: int
    time: str = Field(description="RFC 3339, UTC.")
    type: str = Field(examples=["WorkflowExecutionSignaled"])
    attributes: dict[str, Any]
    url: str


class EventList(BaseModel):
    items: list[EventOut]
    next: str | None


@router.get(
    "/runs/{run_id}/steps",
    response=StepList,
    operation_id="list_steps",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_steps(request: HttpRequest, run_id: uuid.UUID, query: Query[PageQuery]) -> StepList:
    """What the run did, newest first."""
    run = watched_run(request, run_id)
    steps = run.steps.order_by("-event_id")
    if query.cursor is not None:
        steps = steps.filter(event_id__lt=decode(query.cursor, int)[0])
    found = list(steps[: query.limit + 1])
    page = found[: query.limit]
    attempts, calls = _by_activity(run.attempts.order_by("number"), page), _by_activity(_calls(run), page)
    return StepList(
        items=[_step_out(step, attempts[step.activity_id], calls[step.activity_id]) for step in page],
        next=encode([page[-1].event_id]) if len(found) > len(page) else None,
    )


@router.get(
    "/runs/{run_id}/events",
    response=EventList,
    operation_id="list_events",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_events(request: HttpRequest, run_id: uuid.UUID, query: Query[EventQuery]) -> EventList:
    """The history, oldest first: `after` the last event seen, or by `cursor`."""
    run = watched_run(request, run_id)
    after = decode(query.cursor, int)[0] if query.cursor is not None else query.after
    found = list(events(run, after=after, limit=query.limit + 1))
    page = found[: query.limit]
    return EventList(
        items=[EventOut(**event, url=page_url("run_event", run.id, event["id"])) for event in page],
        next=encode([page[-1]["id"]]) if len(found) > len(page) else None,
    )


@router.get(
    "/runs/{run_id}/history",
    operation_id="get_history",
    openapi_extra={
        "responses": {
            200: {
                "description": '`{"events": […]}`, each event in protojson.',
                "content": {"application/json": {"schema": HISTORY}},
            },
            **documented("unauthorized", "forbidden", "not-found"),
        }
    },
)
def get_history(request: HttpRequest, run_id: uuid.UUID) -> StreamingHttpResponse:
    """The whole history as a file, as `temporal workflow show --output json` writes it: payloads as Temporal holds them."""
    run = watched_run(request, run_id)
    # Under ASGI Django would read a plain iterator to its end before it sends the first byte.
    pieces = history_file_streamed(run) if isinstance(request, ASGIRequest) else history_file(run)
    response = StreamingHttpResponse(pieces, content_type="application/json")
    response["Content-Disposition"] = content_disposition_header(True, file_name(run)) or "attachment"
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _calls(run: Run) -> QuerySet[ModelCall]:
    """Without what was said: it can be large."""
    return run.model_calls.defer("messages", "answer").order_by("started_at", "id")


def _by_activity(rows: QuerySet[T], steps: list[Step]) -> dict[str, list[T]]:
    """Those of the steps' activities. What is no activity has none."""
    found: dict[str, list[T]] = defaultdict(list)
    for row in rows.filter(activity_id__in=[step.activity_id for step in steps if step.activity_id]):
        found[row.activity_id].append(row)
    return found


def _step_out(step: Step, attempts: list[Attempt], calls: list[ModelCall]) -> StepOut:
    return StepOut(
        event_id=step.event_id,
        kind=StepKind(step.kind),
        name=step.name,
        summary=step.summary,
        status=StepStatus(step.status),
        attempt_count=max(step.attempts, len(attempts)),
        attempts=[_attempt_out(attempt) for attempt in attempts],
        model_calls=[_call_out(call) for call in calls],
        input=step.input,
        result=step.result,
        failure=step.failure,
        scheduled_at=step.scheduled_at,
        started_at=step.started_at,
        closed_at=step.closed_at,
        url=f"{page_url('run', step.run_id)}?after={step.event_id - 1}#step-{step.event_id}",
    )


def _attempt_out(attempt: Attempt) -> AttemptOut:
    return AttemptOut(
        number=attempt.number,
        outcome=Attempt.Outcome(attempt.outcome),
        worker=attempt.worker,
        started_at=attempt.started_at,
        ended_at=attempt.ended_at,
        failure=attempt.failure,
        progress=attempt.progress,
    )


def _call_out(call: ModelCall) -> ModelCallOut:
    return ModelCallOut(
        attempt=call.attempt,
        purpose=call.purpose,
        model=call.model,
        demo=call.demo,
        started_at=call.started_at,
        duration_ms=call.duration_ms,
        finish_reason=call.finish_reason,
        error=call.error,
        tokens_in=call.tokens_in,
        tokens_out=call.tokens_out,
        tokens_cached=call.tokens_cached,
        cost=f"{call.cost:f}" if call.cost is not None else None,
        url=page_url("model_call", call.run_id, call.id),
    )
