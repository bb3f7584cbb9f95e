"""``router``: sorts a message, and lets the agent for its category answer it as a child workflow.

A message of unknown category, one that the model is not sure of, and one whose agent failed for good go to a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ChildWorkflowError

from workflows import human
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.stubs.children import was_canceled
from workflows.stubs.failing import kind_of, reason_of
from workflows.stubs.router import AGENTS, CATEGORIES, MESSAGE_FORM, Classification, Message, classify_message

SURE = 0.7
"""From this confidence on no person is asked where a message goes."""
PATIENCE = timedelta(hours=24)


@dataclass
class _Route:
    """Where the message goes, and who said so: ``model``, or a person's name."""

    category: str
    message: str
    confidence: float
    chosen_by: str = "model"


@workflow.defn(name="router")
class RouterAgent:
    @workflow.run
    async def run(self, request: Message) -> dict[str, Any]:
        try:
            return await self._answer(request.message)
        finally:
            await human.drain()

    async def _answer(self, message: str) -> dict[str, Any]:
        found = await self._classify(message)
        route = _Route(found.category, message, found.confidence)
        if found.category not in CATEGORIES or found.confidence < SURE:
            answer = await self._ask_where(found, message)
            if not answer.approved:
                return _answered_by_person(answer, route)
            route = _Route(
                answer.values["category"], answer.values["message"], found.confidence, _name_of(answer)
            )
        return await self._let_answer(route)

    async def _classify(self, message: str) -> Classification:
        """A model that fails for good knows no category either."""
        try:
            return await classify_message(Message(message), summary=message[:200])
        except ActivityError as error:
            if was_canceled():
                raise
            return Classification("unknown", 0.0, f"The model failed for good: {kind_of(error)}.")

    async def _ask_where(self, found: Classification, message: str) -> Answer:
        """Until the answer names an agent, or needs none."""
        known = found.category in CATEGORIES
        description = (
            f"The model takes it for {found.category}, and is sure to {found.confidence:.0%}."
            if known
            else "The model knows no agent for it."
        )
        proposal = {"category": found.category, "message": message} if known else {"message": message}
        while True:
            answer = await human.ask(
                title=f"Who answers “{_short(message)}”?",
                description=f"{description} {found.why}",
                proposal=proposal,
                form=_form(required=known),
                options=[
                    *([human.approve(f"lets the agent {found.category} answer")] if known else []),
                    human.edit("lets the agent that you choose answer", label="Choose"),
                    human.respond("ends the run with your answer, without an agent"),
                    human.reject("ends the run without an answer", label="Leave unanswered"),
                ],
                evidence=[Evidence("text", "The message", text=message, source="run input")],
                policy=human.policy(deadline=PATIENCE, risk="low"),
            )
            if not answer.approved or answer.values.get("category") in CATEGORIES:
                return answer
            proposal, description = answer.values, "No agent was chosen: the category was left empty."

    async def _let_answer(self, route: _Route) -> dict[str, Any]:
        """The agent's child is started anew for each retry that a person asks for."""
        tries = 1
        while True:
            try:
                suffix = f"-{tries}" if tries > 1 else ""
                reply = await AGENTS[route.category](
                    Message(route.message), suffix=suffix, summary=_short(route.message)
                )
                return _outcome("answered", route, agent=reply.agent, answer=reply.text, answered_by="model")
            except ChildWorkflowError as error:
                if was_canceled():
                    raise
                answer = await self._ask_instead(route, error)
            if answer.verdict != "retry":
                return _answered_by_person(answer, route)
            tries += 1

    async def _ask_instead(self, route: _Route, error: ChildWorkflowError) -> Answer:
        return await human.ask(
            title=f"The agent {route.category} could not answer “{_short(route.message)}”",
            description=f"It failed for good: {kind_of(error)}.",
            options=[
                human.retry(f"starts the agent {route.category} again, with its retries"),
                human.respond("ends the run with your answer in place of the agent's"),
                human.reject("ends the run without an answer", label="Give up"),
            ],
            evidence=[
                Evidence("text", "The message", text=route.message, source="run input"),
                Evidence("text", "The last failure", text=reason_of(error), source=error.workflow_id),
            ],
            policy=human.policy(deadline=PATIENCE, risk="low"),
        )


def _form(*, required: bool) -> dict[str, Any]:
    """Without a category the proposal has to fit its form too."""
    return {
        "type": "object",
        "properties": {
            "category": {"type": "string", "title": "Agent", "enum": list(CATEGORIES)},
            "message": {"type": "string", "title": "Message", "minLength": 1, "maxLength": 20_000},
        },
        "required": ["category", "message"] if required else ["message"],
        "additionalProperties": False,
    }


def _answered_by_person(answer: Answer, route: _Route) -> dict[str, Any]:
    if answer.verdict == "respond":
        return _outcome("answered", route, answer=answer.text, answered_by=_name_of(answer))
    return _outcome("unanswered" if answer.verdict == "reject" else answer.state, route)


def _outcome(
    outcome: str,
    route: _Route,
    *,
    agent: str | None = None,
    answer: str | None = None,
    answered_by: str | None = None,
) -> dict[str, Any]:
    return {
        "outcome": outcome,
        "category": route.category,
        "confidence": route.confidence,
        "chosen_by": route.chosen_by,
        "agent": agent,
        "answer": answer,
        "answered_by": answered_by,
    }


def _name_of(answer: Answer) -> str:
    return answer.reviewer.name if answer.reviewer else answer.state


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 80 else line[:79] + "…"


DESCRIPTION = AgentDescription(
    name="router",
    title="Router",
    description="Sorts a message and lets the billing or the technical agent answer it; people sort what is unclear.",
    workflow_type="router",
    input_schema=MESSAGE_FORM,
    example={"message": "You charged me twice for invoice 2081. Please refund one of the two."},
)
