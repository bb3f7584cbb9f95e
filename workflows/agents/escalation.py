"""``escalation``: one model call; when it fails past its retries, a person is asked and the run goes on with the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from workflows import human, shortening
from workflows.contracts import AgentDescription, Evidence, Option
from workflows.human import Answer
from workflows.shortening import Less, of_text
from workflows.stubs.failing import FailureType, kind_of
from workflows.stubs.research import Task, attempt_task

FORM = {
    "type": "object",
    "properties": {"task": {"type": "string", "title": "Task", "minLength": 1, "maxLength": 20_000}},
    "required": ["task"],
    "additionalProperties": False,
}
RESPOND = human.respond("ends the run with your answer in place of the model's")
GIVE_UP = human.reject("ends the run without an answer", label="Give up")


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
            if answer.approved:
                task = answer.values["task"]
            elif answer.verdict != "retry":
                return _outcome(answer)

    async def _ask(self, task: str, error: ActivityError) -> Answer:
        match kind := kind_of(error):
            case FailureType.CONTEXT_TOO_LONG if less := of_text("task")(task):
                return await self._ask_to_shorten(task, error, less)
            case FailureType.CONTENT_FILTERED:
                return await self._ask_to_reword(task, error)
        return await _asked(
            f"The model could not do “{_short(task)}”",
            f"The step {error.activity_type} failed for good: {kind}.",
            [human.retry("calls the model again, with its retries"), RESPOND, GIVE_UP],
            [Evidence("text", "The task", text=task, source="run input"), _failure(error)],
        )

    async def _ask_to_shorten(self, task: str, error: ActivityError, less: Less[str]) -> Answer:
        yourself = human.edit("gives the model the task as you shorten it", label="Shorten it yourself")
        options = [shortening.shortened(less), yourself, RESPOND, GIVE_UP]
        return await shortening.ask(f"“{_short(task)}”", error, less, options, form=FORM)

    async def _ask_to_reword(self, task: str, error: ActivityError) -> Answer:
        return await _asked(
            f"The model refused “{_short(task)}”",
            "A content filter, or the model itself, would not answer this. The same words will hardly pass "
            "another time: word the task otherwise, or answer it yourself.",
            [
                human.edit("gives the model the task as you word it", label="Word it otherwise"),
                human.retry("gives the model the same words once more"),
                RESPOND,
                GIVE_UP,
            ],
            [_failure(error)],
            proposal={"task": task},
            form=FORM,
        )


async def _asked(
    title: str, description: str, options: Sequence[Option], evidence: Sequence[Evidence], **proposed: Any
) -> Answer:
    policy = human.policy(deadline=timedelta(hours=24), risk="low")
    return await human.ask(
        title=title, description=description, options=options, evidence=evidence, policy=policy, **proposed
    )


def _failure(error: ActivityError) -> Evidence:
    return Evidence("text", "The last failure", text=str(error.cause), source=error.activity_type)


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
    input_schema=FORM,
    example={"task": "Write a two-line apology for a late delivery. [demo:fail]"},
)
