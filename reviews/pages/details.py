"""All that Temporal says of an execution: what it was started with, who runs it, and how near its limits it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q

from reviews.pages import addresses
from reviews.pages.edge import PageRequest
from reviews.pages.times import in_words, instant, took
from reviews.runs.engine import EventInFull
from reviews.runs.histories import first_and_last, first_of
from reviews.runs.models import Run, Step, StepKind
from reviews.runs.queries import runs_for

WORKED, STARTED = "WorkflowTaskCompleted", "WorkflowTaskStarted"
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)s")
SUGGESTED = "Temporal suggests that the workflow continues as new: its history has grown long."


@dataclass(frozen=True)
class Fact:
    """``copies``: an id that people carry elsewhere."""

    name: str
    value: Any
    copies: bool = False
    address: str = ""


@dataclass(frozen=True)
class Limit:
    """What Temporal allows one execution; it warns from ``warns_at`` on and ends the run at ``most``."""

    name: str
    value: int
    warns_at: int
    most: int
    in_bytes: bool = False

    @property
    def share(self) -> int:
        return round(100 * self.value / self.most)

    @property
    def tone(self) -> str:
        if self.value >= self.most:
            return "bad"
        return "waiting" if self.value >= self.warns_at else "good"

    @property
    def word(self) -> str:
        return {"bad": "at the limit", "waiting": "Temporal warns", "good": "well below"}[self.tone]


@dataclass
class Details:
    """``started`` is the first event's attributes; empty where the history is not here."""

    run: Run
    started: dict[str, Any] = field(default_factory=dict)
    summary: str = ""
    details: str = ""
    worker: dict[str, Any] = field(default_factory=dict)
    """Of the workflow task that was completed last."""
    first_task: dict[str, Any] = field(default_factory=dict)
    """Of the one that was completed first."""
    task: dict[str, Any] = field(default_factory=dict)
    """Of the workflow task that was started last."""
    parent: Run | None = None


def tab(request: PageRequest, run: Run) -> dict[str, Any]:
    known = _known(request, run)
    return {
        "groups": [("Identity", list(_identity(known))), ("Times", list(_times(known))),
                   ("Worker", list(_worker(known)))],
        "described": known,
        "limits": limits_of(run),
        "suggested": SUGGESTED if known.task.get("suggest_continue_as_new") else "",
        "search_attributes": run.search_attributes or _fields(known.started, "search_attributes", "indexed_fields"),
        "memo": run.memo or _fields(known.started, "memo", "fields"),
        "headers": _fields(known.started, "header", "fields"),
    }  # fmt: skip


def limits_of(run: Run) -> list[Limit]:
    """By Temporal's defaults: https://docs.temporal.io/workflow-execution/limits"""
    counted = Step.objects.filter(run=run).aggregate(
        signals=Count("id", filter=Q(kind=StepKind.SIGNAL)),
        updates=Count("id", filter=Q(kind=StepKind.UPDATE)),
    )
    return [
        Limit("Events", run.last_event_id, 10_240, 51_200),
        Limit("Size of the history", run.history_bytes, 10 * 2**20, 50 * 2**20, in_bytes=True),
        Limit("Signals", counted["signals"], 5_000, 10_000),
        Limit("Updates", counted["updates"], 1_000, 2_000),
    ]


def _known(request: PageRequest, run: Run) -> Details:
    known = Details(run)
    if run.parent_id is not None:
        known.parent = runs_for(request.viewer).filter(id=run.parent_id).first()
    found = first_and_last(run, WORKED, STARTED)
    if first := found["first"]:
        known.started, known.summary, known.details = first.attributes, first.summary, first.details
    known.worker, known.task = (_attributes(found[type]) for type in (WORKED, STARTED))
    known.first_task = _attributes(first_of(run, WORKED))
    return known


def _attributes(event: EventInFull | None) -> dict[str, Any]:
    return event.attributes if event else {}


def _identity(known: Details) -> Iterator[Fact]:
    run, started = known.run, known.started
    yield Fact("Workflow type", run.workflow_type or started.get("workflow_type", {}).get("name"))
    yield Fact("Workflow id", run.workflow_id, copies=True)
    yield Fact("Run id", run.run_id, copies=True)
    yield Fact("First run of the chain", run.first_run_id, copies=True)
    yield Fact("Continues", started.get("continued_execution_run_id"), copies=True)
    yield Fact("Namespace", run.namespace)
    yield Fact("Task queue", run.queue)
    parent = started.get("parent_workflow_execution", {})
    address = addresses.of_run(known.parent) if known.parent else ""
    yield Fact(
        "Parent", parent.get("workflow_id") or (known.parent and known.parent.workflow_id), address=address
    )
    yield Fact("Parent's namespace", started.get("parent_workflow_namespace"))
    root = started.get("root_workflow_execution", {}).get("workflow_id")
    yield Fact("Root of the tree", root if root != run.workflow_id else None)
    yield Fact("Started by", started.get("identity"))
    yield Fact("Priority", started.get("priority"))


def _times(known: Details) -> Iterator[Fact]:
    run, started = known.run, known.started
    yield Fact("Started", _at(run.started_at if run.reset_event_id is None else run.created_at))
    yield Fact("Ended", _at(run.closed_at))
    yield Fact("Time for the whole chain", _time(started.get("workflow_execution_timeout")) or "no limit")
    yield Fact("Time for one run", _time(started.get("workflow_run_timeout")) or "no limit")
    yield Fact("Time for one workflow task", _time(started.get("workflow_task_timeout")))
    yield Fact("Delay of the start", _time(started.get("first_workflow_task_backoff")))
    yield Fact("Cron schedule", started.get("cron_schedule"))
    yield Fact("Attempt", started.get("attempt"))
    yield Fact("Retries of the workflow", _retries(started.get("retry_policy")) if started else None)


def _worker(known: Details) -> Iterator[Fact]:
    worker, started = known.worker, known.started
    sdk = worker.get("sdk_metadata") or known.first_task.get("sdk_metadata", {})  # said once, and not again
    yield Fact("Last worker", worker.get("identity"))
    yield Fact("SDK", " ".join(filter(None, (sdk.get("sdk_name"), sdk.get("sdk_version")))))
    deployment = worker.get("deployment_version", {})
    yield Fact("Deployment", deployment.get("deployment_name") or worker.get("worker_deployment_name"))
    yield Fact("Build id", deployment.get("build_id") or worker.get("worker_version", {}).get("build_id"))
    behaviour = str(worker.get("versioning_behavior", "")).removeprefix("VERSIONING_BEHAVIOR_")
    yield Fact("Versioning", behaviour.replace("_", " ").lower())
    yield Fact("Inherited build id", started.get("inherited_build_id"))
    yield Fact("Versioning override", started.get("versioning_override"))
    yield Fact("Pinned by the parent to", started.get("parent_pinned_worker_deployment_version"))


def _retries(policy: dict[str, Any] | None) -> str:
    if not policy:
        return "none"
    attempts = policy.get("maximum_attempts")
    words = [f"at most {attempts} attempts" if attempts else "without end"]
    words += [f"first after {_time(policy['initial_interval'])}"] if "initial_interval" in policy else []
    words += [f"then × {policy['backoff_coefficient']:g}"] if "backoff_coefficient" in policy else []
    words += [f"at most {_time(policy['maximum_interval'])} apart"] if "maximum_interval" in policy else []
    if never := policy.get("non_retryable_error_types"):
        words.append(f"not for {', '.join(never)}")
    return ", ".join(words)


def _at(time: datetime | None) -> str:
    return f"{instant(time)} UTC" if time else ""


def _time(span: Any) -> str:
    """``"90s"``, as protojson writes durations, for people; empty where there is none."""
    found = _SECONDS.fullmatch(str(span or ""))
    if found is None or not (seconds := float(found[1])):
        return ""
    time = timedelta(seconds=seconds)
    return took(time) if seconds < 60 else in_words(time)


def _fields(started: dict[str, Any], name: str, inner: str) -> dict[str, Any]:
    found = started.get(name, {}).get(inner, {})
    return found if isinstance(found, dict) else {}
