"""The figures of a run's head and tabs, counted by the database in one query."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery, Sum, UUIDField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest

from reviews.artifacts.models import Version
from reviews.outbox.models import Message, MessageKind
from reviews.runs.models import Attempt, ModelCall, Run, Step, StepStatus

GOING = (StepStatus.SCHEDULED, StepStatus.RUNNING)


def tallies(run: Run) -> dict[str, Any]:
    """``steps, going, retries, calls, tokens_in, tokens_out, demo, files, sent, successor``."""
    calls = ModelCall.objects.filter(run=OuterRef("id"))
    steps = Step.objects.filter(run=OuterRef("id"))
    attempts = Attempt.objects.filter(run=OuterRef("id"), number__gt=1)
    figures = {
        "all_steps": _total(steps, Count("id")),
        "going": _total(steps.filter(status__in=GOING), Count("id")),
        "step_retries": _total(steps, Sum(Greatest("attempts", Value(1)) - 1)),
        "seen_retries": _total(attempts, Count("id")),
        "calls": _total(calls, Count("id")),
        "tokens_in": _total(calls, Sum("tokens_in")),
        "tokens_out": _total(calls, Sum("tokens_out")),
        "demo": _total(calls.filter(demo=True), Count("id")),
        "files": _total(Version.objects.filter(run__chain=OuterRef("chain")), Count("id")),
        "sent": _total(
            Message.objects.filter(subject=OuterRef("id")).exclude(kind=MessageKind.START), Count("id")
        ),
        "successor": Subquery(
            Run.objects.filter(previous=OuterRef("id")).order_by("-created_at").values("id")[:1],
            output_field=UUIDField(),
        ),
    }
    counted: dict[str, Any] = dict(Run.objects.filter(id=run.id).values(**figures).get())
    # The history names the last attempt only when a step has ended, the workers see each at once.
    counted["retries"] = max(counted.pop("step_retries"), counted.pop("seen_retries"))
    counted["steps"] = counted.pop("all_steps")
    counted["done"] = counted["steps"] - counted["going"]
    return counted


def _total(rows: QuerySet[Any], aggregate: Combinable) -> Combinable:
    totals = rows.order_by().values(_one=Value(1)).annotate(total=aggregate).values("total")
    return Coalesce(Subquery(totals, output_field=IntegerField()), 0)
