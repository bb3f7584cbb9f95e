"""A plan, its tasks, their synthesis; and one task by itself. One call of the model each."""

from __future__ import annotations

from temporalio import activity

from workflows.activities.model import call
from workflows.stubs.research import Attempted, Finding, Plan, PlanRequest, SynthesisRequest, Task

MOST_TASKS = 200

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
    answer = await call(
        "plan",
        "You plan research. Answer with a JSON object of this shape and nothing else: "
        '{"tasks": [{"name": "a few words", "description": "one or two sentences"}]}. '
        "Use 3 to 5 tasks unless the question asks for more.",
        f"Plan the research for this question.\nQuery: {request.query}",
        shape=PLAN,
    )
    return Plan([Task(task["name"], task["description"]) for task in answer.data["tasks"][:MOST_TASKS]])


@activity.defn
async def execute_research_task(task: Task) -> Finding:
    """Research one task; the prompt holds this task and no other's text."""
    answer = await call(
        f"research: {task.name}",
        "You research one task of a larger question. Report findings in a few short paragraphs.",
        f"Research this task.\nTask: {task.name}\n{task.description}",
    )
    return Finding(task.name, answer.text)


@activity.defn
async def synthesize_report(request: SynthesisRequest) -> str:
    """Markdown."""
    findings = "\n\n".join(f"## {finding.task}\n{finding.text}" for finding in request.findings)
    answer = await call(
        "synthesis",
        "You write a report in Markdown that answers the question from the findings, and from nothing else.",
        f"Synthesize a report from the findings.\nQuery: {request.query}\n\n{findings}",
    )
    return answer.text


@activity.defn
async def attempt_task(task: Task) -> Attempted:
    answer = await call("task", "You are a helpful assistant. Answer shortly.", task.description)
    return Attempted(answer.text)
