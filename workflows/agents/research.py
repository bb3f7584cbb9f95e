"""``research``: plan → each task → synthesis → store, each an activity with its own timeout and retries."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from temporalio import workflow

from workflows.contracts import AgentDescription
from workflows.stubs import files, research
from workflows.stubs.files import Report
from workflows.stubs.research import PlanRequest, SynthesisRequest


@dataclass
class ResearchInput:
    query: str


@workflow.defn(name="research")
class ResearchAgent:
    @workflow.run
    async def run(self, request: ResearchInput) -> dict[str, Any]:
        plan = await research.generate_plan(PlanRequest(request.query))
        findings = [await research.execute_research_task(task, summary=task.name) for task in plan.tasks]
        markdown = await research.synthesize_report(SynthesisRequest(request.query, findings))
        path = f"research/{workflow.info().workflow_id}/report.md"
        stored = await files.store_report(Report(path, markdown), summary=path)
        return {"report": asdict(stored), "tasks": len(plan.tasks)}


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
