"""Assignments, the work of each, and the report that joins them. One call of the model each."""

from __future__ import annotations

from temporalio import activity

from workflows.activities.model import call
from workflows.stubs.delegation import Assignment, Assignments, Goal, JoinRequest, Work

ASSIGNMENTS = {
    "type": "object",
    "properties": {
        "assignments": {
            "type": "array",
            "minItems": 2,
            "maxItems": 6,
            "items": {
                "type": "object",
                "properties": {
                    "specialist": {"type": "string", "minLength": 1, "maxLength": 100},
                    "task": {"type": "string", "minLength": 1, "maxLength": 4000},
                },
                "required": ["specialist", "task"],
            },
        }
    },
    "required": ["assignments"],
}


@activity.defn
async def assign(request: Goal) -> Assignments:
    """Ask for 2 to 6 assignments as JSON; fewer, more or others are malformed and tried again."""
    answer = await call(
        "assign",
        "You lead a team of specialists. Answer with a JSON object of this shape and nothing else: "
        '{"assignments": [{"specialist": "a role in a few words", "task": "one or two sentences"}]}. '
        "Give out 2 to 6 assignments that can be worked on at the same time.",
        f"Give out the assignments for this goal.\nTopic: {request.goal}",
        shape=ASSIGNMENTS,
    )
    given = answer.data["assignments"]
    return Assignments([Assignment(one["specialist"], one["task"]) for one in given])


@activity.defn
async def carry_out_assignment(assignment: Assignment) -> Work:
    """The prompt holds this assignment and no other's text."""
    answer = await call(
        f"specialist: {assignment.specialist}",
        f"You are this specialist: {assignment.specialist}. "
        "Carry out your task, and state your findings in a few short paragraphs.",
        f"Carry out this task.\nTask: {assignment.task}",
    )
    return Work(assignment, answer.text, assignment.specialist)


@activity.defn
async def join_works(request: JoinRequest) -> str:
    """Markdown."""
    works = "\n\n".join(f"## {work.assignment.specialist}\n{work.text}" for work in request.works)
    answer = await call(
        "join",
        "You synthesize the work of specialists into one report in Markdown that serves the goal, from what they "
        "wrote and from nothing else.",
        f"Synthesize a report from the work of the specialists.\nTopic: {request.goal}\n\n{works}",
    )
    return answer.text
