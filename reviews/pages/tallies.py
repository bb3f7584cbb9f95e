"""The figures of a run's head and tabs, counted by the database in one query."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Count,
    DecimalField,
    Exists,
    F,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    UUIDField,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest, JSONObject

from reviews.artifacts.models import Version
from reviews.conversations.models import Conversation
from reviews.outbox.models import Message, MessageKind
from reviews.runs.models import Attempt, MirroredNamespace, ModelCall, Run, Step, StepStatus
from reviews.runs.queries import waiting_below
from reviews.workspaces.access import Right, Viewer

GOING = (StepStatus.SCHEDULED, StepStatus.RUNNING)
ENDED_BADLY = (StepStatus.FAILED, StepStatus.TIMED_OUT)
TROUBLES = 3


@dataclass(frozen=True)
class Trouble:
    """A step that ended badly, or (``failed_tries``) is being tried again."""

    event_id: int
    name: str
    status: str
    failure: dict[str, Any] | None
    failed_tries: int

    @property
    def is_retrying(self) -> bool:
        return self.status in GOING

    @property
    def word(self) -> str:
        return StepStatus(self.status).label.lower()


def tallies(viewer: Viewer, run: Run) -> dict[str, Any]:
    """``steps, going, retries, calls, tokens_in, tokens_out, cost, unpriced, demo, files, sent, mirror_trouble,
    successor, turns``, the newest ``troubles``, and the chains ``waiting_below``."""
    calls = ModelCall.objects.filter(run=OuterRef("id"))
    steps = Step.objects.filter(run=OuterRef("id"))
    attempts = Attempt.objects.filter(run=OuterRef("id"), number__gt=1)
    talks = Conversation.objects.filter(namespace=OuterRef("namespace"), workflow_id=OuterRef("workflow_id"))
    figures = {
        "of_steps": _of_steps(steps),
        "seen_retries": _total(attempts, Count("id")),
        "calls": _total(calls, Count("id")),
        "tokens_in": _total(calls, Sum("tokens_in")),
        "tokens_out": _total(calls, Sum("tokens_out")),
        "cost": Subquery(
            calls.order_by().values(_one=Value(1)).annotate(total=Sum("cost")).values("total"),
            output_field=DecimalField(),
        ),
        "unpriced": _total(calls.filter(cost=None).exclude(tokens_in=None, tokens_out=None), Count("id")),
        "demo": _total(calls.filter(demo=True), Count("id")),
        "files": _total(Version.objects.filter(run__chain=OuterRef("chain")), Count("id")),
        "sent": _total(
            Message.objects.filter(subject=OuterRef("id")).exclude(kind=MessageKind.START), Count("id")
        ),
        "mirror_trouble": Subquery(
            MirroredNamespace.objects.filter(namespace=OuterRef("namespace")).values("trouble")
        ),
        "successor": Subquery(
            Run.objects.filter(previous=OuterRef("id")).order_by("-created_at").values("id")[:1],
            output_field=UUIDField(),
        ),
        "turns": Subquery(talks.values("last_number")),
        "troubles": ArraySubquery(_troubles(steps)),
        "waiting_below": waiting_below(run, viewer.workspaces(Right.RUNS_READ)),
    }
    counted: dict[str, Any] = dict(Run.objects.filter(id=run.id).values(**figures).get())
    counted |= counted.pop("of_steps") or {"steps": 0, "going": 0, "retries": 0}
    # The history names the last attempt only when a step has ended, the workers see each at once.
    counted["retries"] = max(counted["retries"], counted.pop("seen_retries"))
    counted["done"] = counted["steps"] - counted["going"]
    counted["troubles"] = [Trouble(**one) for one in counted["troubles"]]
    return counted


def _of_steps(steps: QuerySet[Step]) -> Subquery:
    """In one walk through them: a run may have tens of thousands."""
    counts = JSONObject(
        steps=Count("id"),
        going=Count("id", filter=Q(status__in=GOING)),
        retries=Coalesce(Sum(Greatest("attempts", Value(1)) - 1), 0),
    )
    return Subquery(steps.order_by().values(_one=Value(1)).annotate(counts=counts).values("counts"))


def _troubles(steps: QuerySet[Step]) -> QuerySet[Any]:
    """Wherever in the run they are, the newest first."""
    failed = Attempt.objects.filter(
        run=OuterRef("run"), activity_id=OuterRef("activity_id"), outcome=Attempt.Outcome.FAILED
    )
    is_retrying = Q(status__in=GOING) & ~Q(activity_id="") & Q(Exists(failed))
    described = JSONObject(
        event_id=F("event_id"),
        name=F("name"),
        status=F("status"),
        failure=Coalesce(F("failure"), Subquery(failed.order_by("-number").values("failure")[:1])),
        failed_tries=_total(failed, Count("id")),
    )
    found = steps.filter(Q(status__in=ENDED_BADLY) | is_retrying).order_by("-event_id")
    return found.values(json=described)[:TROUBLES]


def _total(rows: QuerySet[Any], aggregate: Combinable) -> Combinable:
    totals = rows.order_by().values(_one=Value(1)).annotate(total=aggregate).values("total")
    return Coalesce(Subquery(totals, output_field=IntegerField()), 0)
