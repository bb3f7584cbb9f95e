"""How long activities take, and the timeouts that would fit."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from ninja import Query, Router
from pydantic import BaseModel, Field, PlainSerializer, WithJsonSchema

from reviews.api.access import viewer_of
from reviews.api.paging import PageQuery, decode, encode
from reviews.api.problems import documented
from reviews.insights import timeouts as insights
from reviews.insights.timeouts import Measured, TimeoutVerdict
from reviews.workspaces.access import Right, workspace_for

router = Router(tags=["insights"])

Seconds = Annotated[
    timedelta, PlainSerializer(timedelta.total_seconds, return_type=float), WithJsonSchema({"type": "number"})
]


class TimeoutQuery(PageQuery):
    workspace: str | None = Field(default=None, description="Slug: only activity types of its namespace.")
    days: int = Field(default=insights.DAYS, ge=1, le=365, description="How far back completions count.")


class TimeoutOut(BaseModel):
    """An activity type of a namespace. Durations are in seconds; percentiles are at most 9 % too high."""

    activity_type: str
    namespace: str
    count: int = Field(description="Activities that completed.")
    p50: Seconds | None
    p95: Seconds | None
    p99: Seconds | None
    longest: Seconds | None
    start_to_close: Seconds | None = Field(description="As scheduled last; so the next two.")
    schedule_to_close: Seconds | None
    heartbeat: Seconds | None
    recommended: Seconds | None = Field(
        description="A start-to-close timeout of 2 to 3 times `p99`, 1 s at least; null below 100 completions."
    )
    verdict: TimeoutVerdict = Field(description="Of `start_to_close`.")
    url: str


class TimeoutList(BaseModel):
    items: list[TimeoutOut]
    next: str | None


@router.get(
    "/timeouts",
    response=TimeoutList,
    operation_id="list_timeouts",
    openapi_extra={"responses": documented("unauthorized", "forbidden", "not-found", "validation")},
)
def list_timeouts(request: HttpRequest, query: Query[TimeoutQuery]) -> TimeoutList:
    """Measured latency and recommended timeout of each activity type, by name."""
    viewer = viewer_of(request)
    workspace = workspace_for(viewer, query.workspace, Right.RUNS_READ) if query.workspace else None
    found = sorted(insights.timeouts(viewer, workspace, query.days), key=_place)
    if query.cursor is not None:
        after = decode(query.cursor, str, str)
        found = [one for one in found if _place(one) > after]
    page = found[: query.limit]
    return TimeoutList(
        items=[_timeout_out(one) for one in page],
        next=encode(_place(page[-1])) if len(found) > len(page) else None,
    )


def _place(measured: Measured) -> list[Any]:
    return [measured.activity_type, measured.namespace]


def _timeout_out(measured: Measured) -> TimeoutOut:
    address = f"{reverse('timeouts')}?{urlencode({'name': measured.activity_type})}"
    return TimeoutOut(
        activity_type=measured.activity_type,
        namespace=measured.namespace,
        count=measured.count,
        p50=measured.p50,
        p95=measured.p95,
        p99=measured.p99,
        longest=measured.longest,
        start_to_close=measured.timeouts.start_to_close,
        schedule_to_close=measured.timeouts.schedule_to_close,
        heartbeat=measured.timeouts.heartbeat,
        recommended=measured.recommended,
        verdict=measured.verdict,
        url=f"{settings.AGENTSITE_URL}{address}",
    )
