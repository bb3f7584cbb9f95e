"""``escalation``: one model call; when it fails past its retries, a person is asked and the run goes on with the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import human
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.stubs.research import Task, attempt_task


@dataclass
class EscalationInput:
    task: str


@workflow.defn(name="escalation")
class EscalationAgent:
    @workflow.run
    async def run(self, request: EscalationInput) -> dict[str, Any]:
        try:
            return await self._work(request.task)
        finally:
            await human.drain()

    async def _work(self, task: str) -> dict[str, Any]:
        while True:
            try:
                done = await attempt_task(Task("task", task), summary=task[:200])
                return {"outcome": "done", "answer": done.text, "answered_by": "model"}
            except ActivityError as error:
                if is_cancelled_exception(error):
                    raise
                answer = await self._ask(task, error)
            if answer.verdict != "retry":
                return _outcome(answer)

    async def _ask(self, task: str, error: ActivityError) -> Answer:
        cause = error.cause
        kind = cause.type if isinstance(cause, ApplicationError) and cause.type else type(cause).__name__
        return await human.ask(
            title=f"The model could not do “{_short(task)}”",
            description=f"The step {error.activity_type} failed for good: {kind}.",
            options=[
                human.retry("calls the model again, with its retries"),
                human.respond("ends the run with your answer in place of the model's"),
                human.reject("ends the run without an answer", label="Give up"),
            ],
            evidence=[
                Evidence("text", "The task", text=task, source="run input"),
                Evidence("text", "The last failure", text=str(cause), source=error.activity_type),
            ],
            policy=human.policy(deadline=timedelta(hours=24), risk="low"),
        )


def _outcome(answer: Answer) -> dict[str, Any]:
    by = answer.reviewer.name if answer.reviewer else None
    if answer.verdict == "respond":
        return {"outcome": "done", "answer": answer.text, "answered_by": by or answer.state}
    return {
        "outcome": "given up" if answer.verdict == "reject" else answer.state,
        "answer": None,
        "answered_by": by,
    }


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


DESCRIPTION = AgentDescription(
    name="escalation",
    title="Task with a person behind it",
    description="Gives a task to the model; when the model fails for good, a person is asked what to do.",
    workflow_type="escalation",
    input_schema={
        "type": "object",
        "properties": {"task": {"type": "string", "title": "Task", "minLength": 1, "maxLength": 20_000}},
        "required": ["task"],
        "additionalProperties": False,
    },
    example={"task": "Write a two-line apology for a late delivery. [demo:fail]"},
)
