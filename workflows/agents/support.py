"""What the support agents have in common, whatever framework they are made with: words, and two tools.

A tool runs in the workflow: it can wait for a person for as long as it takes, and a crash meanwhile costs nothing.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow

from workflows import human
from workflows.agents.refund import FORM, HIGH
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.stubs.refund import Payment, Refund, pay_refund
from workflows.stubs.support import OrderQuery, find_order

INSTRUCTIONS = (
    "You answer customers of a shop. Look up an order when one is named. Refund only what the customer asks for, "
    "at most the order's total. A person decides about each refund: tell the customer what was decided. "
    "Answer in a few sentences."
)


@dataclass
class SupportInput:
    request: str


class Support:
    """A workflow whose tools these are."""

    def __init__(self) -> None:
        self.request = ""
        self.refunding: list[asyncio.Task[Any]] = []

    async def finish(self) -> None:
        """Call it last. A tool that a framework left under way (some do when the run is canceled) is ended first, so
        that its question is withdrawn."""
        for task in self.refunding:
            task.cancel()
        if self.refunding:
            await asyncio.wait(list(self.refunding))
        await human.drain()


async def look_up_order(order_id: str) -> str:
    """Look up an order by its number, such as A-1002: the customer, the item, the total, its state."""
    return json.dumps(await find_order(OrderQuery(order_id), summary=order_id))


async def issue_refund(customer: str, amount: float, reason: str) -> str:
    """Refund an amount of money to a customer. A person decides first; answers what was decided and paid."""
    if amount <= 0:
        return "Nothing was paid: the amount has to be more than 0."
    support: Support = workflow.instance()
    task = cast(asyncio.Task[Any], asyncio.current_task())
    support.refunding.append(task)
    try:
        return await _refund(Refund(customer, amount, reason), support.request)
    finally:
        support.refunding.remove(task)


TOOLS = (look_up_order, issue_refund)


async def _refund(refund: Refund, request: str) -> str:
    answer = await _ask(refund, request)
    if not answer.approved:
        return f"Nothing was paid: {_refusal(answer)}."
    paid = answer.values
    money, to = f"{paid['amount']:,.2f}", paid["customer"]
    await human.carry_out(pay_refund(Payment(paid, answer.idempotency_key), summary=f"{money} to {to}"))
    return f"Paid {money} to {to}."


async def _ask(refund: Refund, request: str) -> Answer:
    money, to = f"{refund.amount:,.2f}", refund.customer
    return await human.ask(
        title=f"Refund {money} to {to}?",
        description="The support agent's model wants to pay this. It pays nothing before a person agrees.",
        proposal=asdict(refund),
        form=FORM,
        options=[
            human.approve(f"pays {money} to {to} and tells the customer"),
            human.edit("change what is paid, then pay"),
            human.reject("pays nothing; the model tells the customer"),
        ],
        evidence=[Evidence("text", "What the customer wrote", text=request, source="run input")],
        policy=human.policy(
            deadline=timedelta(days=1),
            on_deadline="reject",
            risk="high" if refund.amount >= HIGH else "medium",
        ),
    )


def _refusal(answer: Answer) -> str:
    if answer.state == "expired":
        return "nobody decided in time"
    return f"a person rejected the refund{f' ({answer.comment})' if answer.comment else ''}"


def describe(kit: str, framework: str) -> AgentDescription:
    """What people can start: the support agent of a kit."""
    return AgentDescription(
        name=f"support-{kit}",
        title=f"Support, with {framework}",
        description="Looks up an order, and refunds what a person approves.",
        workflow_type=f"support-{kit}",
        input_schema={
            "type": "object",
            "properties": {
                "request": {
                    "type": "string",
                    "title": "What the customer writes",
                    "minLength": 1,
                    "maxLength": 20_000,
                }
            },
            "required": ["request"],
            "additionalProperties": False,
        },
        example={"request": "The lamp of order A-1002 came broken. I would like a refund."},
        queue=f"support-{kit}",
    )
