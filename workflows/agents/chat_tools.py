"""What a conversation's model may have done: looking up an order at once, paying a refund after a person agreed.

What a tool answers is text from outside. It goes to the model and to the reviewer as such, and starts nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import human
from workflows.agents.refund import FORM, HIGH
from workflows.contracts import Evidence
from workflows.human import Answer
from workflows.stubs import chat
from workflows.stubs.chat import Call, Exchange, KeepRequest, KeptTurn, OrderRequest, ToolState
from workflows.stubs.refund import Payment, pay_refund

ANSWER_WITHIN = timedelta(hours=24)
MOST_AT_ONCE = 5
"""Calls of one reply that are carried out."""


@dataclass
class Outcome:
    """``text`` is what the model gets to read."""

    state: ToolState
    text: str
    escalation_id: str | None = None


async def carry_out(call: Call, key: str, exchange: Exchange) -> str:
    """Do what the model wants, keep what came of it as the turn ``key``, and answer with it."""
    outcome = await _outcome(call, key, exchange)
    await _keep(key, call, outcome)
    return outcome.text


async def refuse(call: Call, key: str, exchange: Exchange) -> str:
    text = f"This call was not carried out: at most {MOST_AT_ONCE} at once."
    await _keep(key, call, Outcome("refused", text))
    return text


async def _outcome(call: Call, key: str, exchange: Exchange) -> Outcome:
    try:
        match call.name:
            case "look_up_order":
                order = call.arguments["order"]
                return Outcome("done", _text(await chat.look_up_order(OrderRequest(order), summary=order)))
            case "issue_refund":
                return await _refund(call, key, exchange)
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        cause = error.cause
        words = cause.message if isinstance(cause, ApplicationError) else str(cause)
        return Outcome("failed", f"The tool failed: {words}"[: chat.LONGEST_RESULT])
    return Outcome("refused", f"This call was not carried out: there is no tool {call.name}.")


async def _refund(call: Call, key: str, exchange: Exchange) -> Outcome:
    money, to = f"{call.arguments['amount']:,.2f}", call.arguments["customer"]
    question = await human.open(
        title=f"Refund {money} to {to}?",
        description="In a conversation, the model asks for this refund. Nothing is paid before a person agrees.",
        proposal=call.arguments,
        form=FORM,
        options=[
            human.approve(f"pays {money} to {to}"),
            human.edit("change what is paid, then pay"),
            human.reject("pays nothing; the model is told so"),
        ],
        evidence=_evidence(exchange),
        policy=human.policy(
            deadline=ANSWER_WITHIN,
            on_deadline="reject",
            risk="high" if call.arguments["amount"] >= HIGH else "medium",
        ),
    )
    try:
        await _keep(key, call, Outcome("waiting", "", question.escalation_id))
    except BaseException:  # canceled meanwhile: nobody is left to act on an answer
        await question.withdraw()
        raise
    answer = await question.answer()
    if not answer.approved:
        return Outcome("refused", _refusal(answer), answer.escalation_id)
    payment = Payment(answer.values, answer.idempotency_key)
    summary = f"{answer.values['amount']} to {answer.values['customer']}"
    try:
        paid = await human.carry_out(pay_refund(payment, summary=summary))
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return Outcome(
            "failed", f"A person agreed, but nothing was paid: {error.cause}", answer.escalation_id
        )
    done = {"outcome": "paid", **answer.values, "payment": paid.get("id"), "agreed_by": _name(answer)}
    if answer.verdict == "edit":
        done["changed"] = "the person changed what you asked for; the values here are what was paid"
    return Outcome("done", _text(done), answer.escalation_id)


def _refusal(answer: Answer) -> str:
    if answer.state == "expired":
        return "This call was not carried out: nobody agreed to it in time."
    reason = f" They said: {answer.comment}" if answer.comment else ""
    return f"This call was not carried out: {_name(answer)} rejected it.{reason}"


def _evidence(exchange: Exchange) -> list[Evidence]:
    """What the question comes from, word for word."""
    names = {call.id: call.name for line in exchange.lines for call in line.calls}
    first, *others = exchange.lines
    found = [Evidence("text", "What was said", text=first.text, source="the conversation")]
    return found + [
        Evidence(
            "text", f"What {names.get(line.call_id, 'a tool')} answered", text=line.text, source="a tool"
        )
        for line in others
        if line.role == "tool"
    ]


async def _keep(key: str, call: Call, outcome: Outcome) -> None:
    turn = KeptTurn(
        key,
        "tool",
        outcome.text,
        tool=call.name,
        arguments=call.arguments,
        state=outcome.state,
        escalation_id=outcome.escalation_id,
    )
    await chat.keep_turns(KeepRequest([turn]))


def _name(answer: Answer) -> str:
    return answer.reviewer.name if answer.reviewer and answer.reviewer.name else "a person"


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)[: chat.LONGEST_RESULT]
