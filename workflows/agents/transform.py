"""``transform``: the last stage of ``pipeline``. Adds up what each customer ordered."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from temporalio import workflow

from workflows.stubs.pipeline import Stage, StageInput, Transformed, read_input, store_output


# A price that is none, in a file that somebody else named, fails the stage and not its task over and over.
@workflow.defn(name="transform", failure_exception_types=[ArithmeticError])
class TransformStage(Stage):
    @workflow.run
    async def run(self, request: StageInput) -> Transformed:
        claim = await self.claim()
        validated = await read_input(claim, "customer", "item", "unit_price", quantity=int)
        customers = _by_customer(validated["rows"])
        total = sum((Decimal(customer["total"]) for customer in customers), Decimal(0))
        content = {"customers": customers, "total": str(total), "left_out": validated["left_out"]}
        stored = await store_output(f"{request.folder}/3-transformed.json", content)
        return Transformed(stored, len(customers), str(total))


def _by_customer(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of the document; money as text, so that nothing is rounded."""
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        lines = found.setdefault(row["customer"], [])
        amount = row["quantity"] * Decimal(row["unit_price"])
        lines.append(
            {**{name: row[name] for name in ("item", "quantity", "unit_price")}, "amount": str(amount)}
        )
    return [
        {
            "customer": customer,
            "lines": lines,
            "total": str(sum((Decimal(line["amount"]) for line in lines), Decimal(0))),
        }
        for customer, lines in found.items()
    ]
