"""``delegation``: a lead gives out assignments, specialists work at the same time, their work becomes one report.

A specialist that fails for good costs the others nothing: a person is asked for that one while they go on, and
the report says what is missing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError

from workflows import human
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.shortening import TooLong, of_text, of_texts, until_it_fits
from workflows.stubs import delegation, files
from workflows.stubs.children import all_to_their_end, was_canceled
from workflows.stubs.delegation import Assignment, Goal, JoinRequest, Work
from workflows.stubs.failing import kind_of, reason_of
from workflows.stubs.files import Report

PATIENCE = timedelta(hours=24)
WITHOUT_IT = "writes the report without it, and says so there"
AS_IT_IS = "stores what each specialist wrote, one after another"


@dataclass
class _Missing:
    """An assignment that the report goes without, and why."""

    assignment: Assignment
    reason: str


@workflow.defn(name="delegation")
class DelegationAgent:
    @workflow.run
    async def run(self, request: Goal) -> dict[str, Any]:
        try:
            return await self._lead(request.goal)
        finally:
            await human.drain()

    async def _lead(self, goal: str) -> dict[str, Any]:
        given = (await delegation.assign(Goal(goal), summary=goal[:200])).assignments
        done = await all_to_their_end(self._have_done(number, one) for number, one in enumerate(given, 1))
        works = [one for one in done if isinstance(one, Work)]
        missing = [one for one in done if isinstance(one, _Missing)]
        markdown = await self._join(goal, works) + _what_is_missing(missing)
        path = f"delegation/{workflow.info().workflow_id}/report.md"
        stored = await files.store_report(Report(path, markdown), summary=path)
        return {
            "report": asdict(stored),
            "assignments": len(given),
            "done_by": [work.by for work in works],
            "missing": [one.assignment.specialist for one in missing],
        }

    async def _have_done(self, number: int, assignment: Assignment) -> Work | _Missing:
        """The specialist's child is started anew for each retry that a person asks for."""
        tries = 0

        async def start(task: str) -> Work:
            nonlocal tries
            tries += 1
            return await delegation.specialist(
                replace(assignment, task=task),
                suffix=f"-{number}" if tries == 1 else f"-{number}-{tries}",
                summary=assignment.specialist[:200],
            )

        while True:
            try:
                return await until_it_fits(
                    f"The task of “{assignment.specialist}”",
                    start,
                    assignment.task,
                    of_text("task"),
                    in_words=lambda answer: Work(assignment, answer.text, _name_of(answer)),
                    stop=human.reject(WITHOUT_IT, label="Go on without"),
                )
            except TooLong as error:
                return _Missing(assignment, error.message)
            except ChildWorkflowError as error:
                if was_canceled():
                    raise
                kind, answer = kind_of(error), await self._ask_instead(assignment, error)
            if answer.verdict == "respond":
                return Work(assignment, answer.text, _name_of(answer))
            if answer.verdict != "retry":
                return _Missing(assignment, f"{kind}; {_left_out_by(answer)}")

    async def _ask_instead(self, assignment: Assignment, error: ChildWorkflowError) -> Answer:
        return await human.ask(
            title=f"The specialist “{assignment.specialist}” failed. How does the report go on?",
            description=f"It failed for good: {kind_of(error)}. The other specialists go on meanwhile.",
            options=[
                human.retry("starts this specialist again, with its retries"),
                human.respond("takes your text in place of this specialist's work"),
                human.approve(WITHOUT_IT, label="Go on without"),
            ],
            evidence=[
                Evidence("text", "The task", text=assignment.task, source="assign"),
                Evidence("text", "The last failure", text=reason_of(error), source=error.workflow_id),
            ],
            policy=human.policy(deadline=PATIENCE, on_deadline="approve", risk="low"),
        )

    async def _join(self, goal: str, works: list[Work]) -> str:
        """A join that fails for good loses none of the work."""
        while works:
            try:
                return await self._join_once(goal, works)
            except TooLong:
                break
            except ActivityError as error:
                if was_canceled():
                    raise
                answer = await self._ask_about_join(works, error)
            if answer.verdict != "retry":
                break
        return _one_after_another(goal, works)

    async def _join_once(self, goal: str, works: list[Work]) -> str:
        """With all its tries; from as much of the work as the model can take in."""

        async def join(texts: list[str]) -> str:
            shorter = [replace(work, text=text) for work, text in zip(works, texts, strict=True)]
            return await delegation.join_works(JoinRequest(goal, shorter), summary=f"{len(works)} works")

        return await until_it_fits(
            "What the specialists wrote",
            join,
            [work.text for work in works],
            of_texts([work.assignment.specialist for work in works]),
            stop=human.reject(AS_IT_IS, label="Store as it is"),
        )

    async def _ask_about_join(self, works: list[Work], error: ActivityError) -> Answer:
        return await human.ask(
            title=f"The work of {len(works)} specialists could not be joined",
            description=f"The step {error.activity_type} failed for good: {kind_of(error)}.",
            options=[
                human.retry("calls the model again, with its retries"),
                human.approve(AS_IT_IS, label="Store as it is"),
            ],
            evidence=[
                Evidence("text", "The last failure", text=reason_of(error), source=error.activity_type)
            ],
            policy=human.policy(deadline=PATIENCE, on_deadline="approve", risk="low"),
        )


def _what_is_missing(missing: list[_Missing]) -> str:
    if not missing:
        return ""
    lines = [
        f"- **{_plain(one.assignment.specialist)}**: {_plain(one.assignment.task)} ({_plain(one.reason)})"
        for one in missing
    ]
    return "\n".join(["", "", "## What is missing", "", *lines, ""])


def _one_after_another(goal: str, works: list[Work]) -> str:
    parts = [f"## {_plain(work.assignment.specialist)}\n\n{work.text}" for work in works]
    return "\n\n".join([f"# {_plain(goal)}", *parts])


def _plain(text: str) -> str:
    """In one line of Markdown."""
    return " ".join(text.split())


def _left_out_by(answer: Answer) -> str:
    return f"left out by {answer.reviewer.name}" if answer.reviewer else "nobody answered in time"


def _name_of(answer: Answer) -> str:
    return answer.reviewer.name if answer.reviewer else answer.state


DESCRIPTION = AgentDescription(
    name="delegation",
    title="Delegation",
    description="A lead gives parts of a goal to specialists, who work at the same time, and joins their work.",
    workflow_type="delegation",
    input_schema={
        "type": "object",
        "properties": {"goal": {"type": "string", "title": "Goal", "minLength": 1, "maxLength": 20_000}},
        "required": ["goal"],
        "additionalProperties": False,
    },
    example={"goal": "Decide whether to move the warehouse from Rotterdam to Antwerp."},
)
