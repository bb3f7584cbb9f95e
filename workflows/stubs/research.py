"""Plan, tasks, synthesis; and one task by itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from workflows.contracts import HEARTBEAT, MODEL_CALL, MODEL_RETRY, Activity


@dataclass
class Task:
    name: str
    description: str


@dataclass
class Plan:
    tasks: list[Task]


@dataclass
class PlanRequest:
    query: str


@dataclass
class Finding:
    task: str
    text: str


@dataclass
class SynthesisRequest:
    query: str
    findings: list[Finding]


@dataclass
class Attempted:
    """A model's answer to a task, in words."""

    text: str


generate_plan: Activity[PlanRequest, Plan] = Activity(
    "generate_plan", Plan, timedelta(minutes=2), MODEL_RETRY, heartbeat=HEARTBEAT
)
execute_research_task: Activity[Task, Finding] = Activity(
    "execute_research_task", Finding, MODEL_CALL, MODEL_RETRY, heartbeat=HEARTBEAT
)
synthesize_report: Activity[SynthesisRequest, str] = Activity(
    "synthesize_report", str, timedelta(minutes=5), MODEL_RETRY, heartbeat=HEARTBEAT
)
attempt_task: Activity[Task, Attempted] = Activity(
    "attempt_task", Attempted, MODEL_CALL, MODEL_RETRY, heartbeat=HEARTBEAT
)
