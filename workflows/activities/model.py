"""Activities that call a model once each. Temporal retries them; a background task beats for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.runs.faults import faults_of
from workflows.contracts import (
    MALFORMED_ANSWER,
    Attempted,
    Finding,
    Plan,
    PlanRequest,
    SynthesisRequest,
    Task,
)

if TYPE_CHECKING:
    from workflows.llm.client import Completion

MOST_TASKS = 200
BEAT = 2.0
"""Seconds; well below the heartbeat timeout, above what the SDK throttles."""

PLAN = {
    "type": "object",
    "properties": {
        "tasks": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "description": {"type": "string"}},
                "required": ["name", "description"],
            },
        }
    },
    "required": ["tasks"],
}


@activity.defn
async def generate_plan(request: PlanRequest) -> Plan:
    """Ask for a plan as JSON; a plan of another shape is malformed and tried again."""
    answer = await _call(
        "plan",
        "You plan research. Answer with a JSON object of this shape and nothing else: "
        '{"tasks": [{"name": "a few words", "description": "one or two sentences"}]}. '
        "Use 3 to 5 tasks unless the question asks for more.",
        f"Plan the research for this question.\nQuery: {request.query}",
        json_object=True,
    )
    if faults := faults_of(answer.data, PLAN):
        message = f"The plan has another shape at {faults[0].pointer or '/'}: {faults[0].message}"
        raise ApplicationError(message, type=MALFORMED_ANSWER)
    return Plan([Task(task["name"], task["description"]) for task in answer.data["tasks"][:MOST_TASKS]])


@activity.defn
async def execute_research_task(task: Task) -> Finding:
    """Research one task; the prompt holds this task and no other's text."""
    answer = await _call(
        f"research: {task.name}",
        "You research one task of a larger question. Report findings in a few short paragraphs.",
        f"Research this task.\nTask: {task.name}\n{task.description}",
    )
    return Finding(task.name, answer.text)


@activity.defn
async def synthesize_report(request: SynthesisRequest) -> str:
    """Markdown."""
    findings = "\n\n".join(f"## {finding.task}\n{finding.text}" for finding in request.findings)
    answer = await _call(
        "synthesis",
        "You write a report in Markdown that answers the question from the findings, and from nothing else.",
        f"Synthesize a report from the findings.\nQuery: {request.query}\n\n{findings}",
    )
    return answer.text


@activity.defn
async def attempt_task(task: Task) -> Attempted:
    answer = await _call("task", "You are a helpful assistant. Answer shortly.", task.description)
    return Attempted(answer.text)


async def _call(purpose: str, system: str, user: str, **options: Any) -> Completion:
    # The model's client takes a second to import: the worker fetches it while it polls already.
    from workflows.llm.client import complete

    messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    limit = activity.info().start_to_close_timeout
    timeout = limit.total_seconds() - 2 if limit else 60.0
    async with _beating() as written:
        return await complete(
            messages, purpose=purpose, timeout=timeout, stream=True, on_token=written.append, **options
        )


@asynccontextmanager
async def _beating() -> AsyncIterator[list[str]]:
    """Heartbeat with the number of characters written so far, also while the model is silent."""
    written: list[str] = []

    async def beat() -> None:
        while True:
            activity.heartbeat({"characters": sum(map(len, written))})
            await asyncio.sleep(BEAT)

    task = asyncio.create_task(beat())
    try:
        yield written
    finally:
        task.cancel()
