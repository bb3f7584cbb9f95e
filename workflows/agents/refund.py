"""``refund``: always asks a person before it pays."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from temporalio import workflow

from workflows import human
from workflows.contracts import AgentDescription, Evidence
from workflows.human import Answer
from workflows.stubs.refund import Payment, Refund, pay_refund

FORM = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "title": "Customer", "minLength": 1, "maxLength": 200},
        "amount": {"type": "number", "title": "Amount", "exclusiveMinimum": 0, "maximum": 1_000_000},
        "reason": {"type": "string", "title": "Reason", "minLength": 1, "maxLength": 4000},
    },
    "required": ["customer", "amount", "reason"],
    "additionalProperties": False,
}
HIGH = 1000


@dataclass
class RefundInput(Refund):
    answer_within_seconds: float = 3600


@workflow.defn(name="refund")
class RefundAgent:
    @workflow.run
    async def run(self, request: RefundInput) -> dict[str, Any]:
        try:
            answer = await self._ask(request)
            return await self._act(answer)
        finally:
            await human.drain()

    async def _ask(self, request: RefundInput) -> Answer:
        money, to = f"{request.amount:,.2f}", request.customer
        return await human.ask(
            title=f"Refund {money} to {to}?",
            description="The refund agent pays nothing before a person agrees.",
            proposal=asdict(Refund(request.customer, request.amount, request.reason)),
            form=FORM,
            options=[
                human.approve(f"pays {money} to {to}"),
                human.edit("change what is paid, then pay"),
                human.reject("pays nothing and ends the run"),
            ],
            evidence=[Evidence("text", "What the customer says", text=request.reason, source="run input")],
            policy=human.policy(
                deadline=timedelta(seconds=request.answer_within_seconds),
                on_deadline="reject",
                risk="high" if request.amount >= HIGH else "medium",
            ),
        )

    async def _act(self, answer: Answer) -> dict[str, Any]:
        decided = {"decision_id": answer.decision_id, "by": answer.reviewer.name if answer.reviewer else None}
        if not answer.approved:
            return {"outcome": "expired" if answer.state == "expired" else "rejected", **decided}
        payment = Payment(answer.values, answer.idempotency_key)
        summary = f"{answer.values['amount']} to {answer.values['customer']}"
        paid = await human.carry_out(pay_refund(payment, summary=summary))
        return {"outcome": "paid", "payment": paid, **decided}


DESCRIPTION = AgentDescription(
    name="refund",
    title="Refund",
    description="Asks a person, then pays a refund. Nothing is paid without a decision.",
    workflow_type="refund",
    input_schema={
        **FORM,
        "properties": {
            **FORM["properties"],  # type: ignore[dict-item]
            "answer_within_seconds": {
                "type": "number",
                "title": "Answer within (seconds)",
                "description": "When nobody has answered by then, the refund is rejected. An hour when left empty.",
                "exclusiveMinimum": 0,
                "default": 3600,
            },
        },
    },
    example={
        "customer": "Northwind Traders",
        "amount": 420,
        "reason": "The pallets came nine days late and nobody answered my last two mails.",
    },
)
