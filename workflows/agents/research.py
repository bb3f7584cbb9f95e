"""``research``: plan → each task → synthesis → store, each an activity with its own timeout and retries.

A model that stays away, or cannot take in all that was found, ends no run: a person says how to go on, and nothing
that was found is lost.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError

from workflows import human
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.shortening import of_texts, until_it_fits
from workflows.stubs import files, research
from workflows.stubs.failing import FailureType, kind_of
from workflows.stubs.files import Report
from workflows.stubs.research import Finding, PlanRequest, SynthesisRequest, Task

T = TypeVar("T")


@dataclass
class ResearchInput:
    query: str


@workflow.defn(name="research")
class ResearchAgent:
    @workflow.run
    async def run(self, request: ResearchInput) -> dict[str, Any]:
        try:
            return await self._research(request.query)
        finally:
            await human.drain()

    async def _research(self, query: str) -> dict[str, Any]:
        plan = await _insisting("the plan", partial(research.generate_plan, PlanRequest(query)))
        findings = [await _find(task) for task in plan.tasks]
        markdown = await _write(query, findings)
        path = f"research/{workflow.info().workflow_id}/report.md"
        stored = await files.store_report(Report(path, markdown), summary=path)
        return {"report": asdict(stored), "tasks": len(plan.tasks)}


async def _find(task: Task) -> Finding:
    execute = partial(research.execute_research_task, task, summary=task.name)
    return await _insisting(f"the task “{task.name}”", execute, in_words=partial(Finding, task.name))


async def _write(query: str, findings: list[Finding]) -> str:
    """The report, from as much of what was found as the model can take in."""

    async def synthesize(texts: list[str]) -> str:
        request = SynthesisRequest(
            query, [Finding(one.task, text) for one, text in zip(findings, texts, strict=True)]
        )
        return await _insisting("the report", partial(research.synthesize_report, request), in_words=str)

    texts = [finding.text for finding in findings]
    names = [finding.task for finding in findings]
    return await until_it_fits(
        "What was found",
        synthesize,
        texts,
        of_texts(names),
        in_words=lambda answer: answer.text,
        patience=None,
    )


async def _insisting(
    what: str, step: Callable[[], Awaitable[T]], in_words: Callable[[str], T] | None = None
) -> T:
    """The step's result. While the model is away a person says whether to try again, or says it ``in_words``.

    Raises ``ActivityError`` when it failed otherwise, or when that person gives up.
    """
    while True:
        try:
            return await step()
        except ActivityError as error:
            if kind_of(error) != FailureType.UNREACHABLE:
                raise
            answer = await _ask(what, error, may_respond=in_words is not None)
            if answer.verdict == "respond" and in_words is not None:
                return in_words(answer.text)
            if answer.verdict != "retry":
                raise


async def _ask(what: str, error: ActivityError, *, may_respond: bool) -> Answer:
    respond = human.respond("takes your words in place of the model's, and goes on")
    return await human.ask(
        title=f"The model is away; {what} waits"[:200],
        description=f"The step {error.activity_type} could not reach the model, however often it tried. What was "
        "found until now is kept.",
        options=[
            human.retry("calls the model again, with its retries", label="It is back: try again"),
            *([respond] if may_respond else []),
            human.reject("ends the run as failed", label="Give up"),
        ],
        evidence=[Evidence("text", "The last failure", text=str(error.cause), source=error.activity_type)],
        policy=human.policy(risk="low"),
    )


DESCRIPTION = AgentDescription(
    name="research",
    title="Research",
    description="Plans, works through each task, and writes a report into the workspace's files.",
    workflow_type="research",
    input_schema={
        "type": "object",
        "properties": {
            "query": {"type": "string", "title": "What to find out", "minLength": 1, "maxLength": 20_000}
        },
        "required": ["query"],
        "additionalProperties": False,
    },
    example={"query": "Which suppliers of industrial pallets had the shortest lead times last quarter?"},
)
