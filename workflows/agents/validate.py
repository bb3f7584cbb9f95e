"""``validate``: the second stage of ``pipeline``. Rows that do not validate go to a person, or are left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from temporalio import workflow

from workflows import human
from workflows.contracts import Evidence
from workflows.human import Answer
from workflows.stubs.children import all_to_their_end
from workflows.stubs.pipeline import FIELDS, Stage, StageInput, Validated, hand_on, read_input, store_output

MOST_ASKED = 20
"""Rows that people are asked about; of a document with more faults than that the rest is left out, and said so."""
PATIENCE = timedelta(hours=24)

FORM = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "title": "Customer", "maxLength": 200},
        "item": {"type": "string", "title": "Item", "maxLength": 200},
        "quantity": {
            "type": "string",
            "title": "Quantity",
            "maxLength": 200,
            "description": "A whole number.",
        },
        "unit_price": {
            "type": "string",
            "title": "Price of one",
            "maxLength": 200,
            "description": "Such as 8.40.",
        },
    },
    "required": list(FIELDS),
    "additionalProperties": False,
}
QUANTITY = re.compile(r"\d{1,7}")
PRICE = re.compile(r"(\d{1,7})(?:[.,](\d{1,2}))?")


@dataclass
class _Checked:
    """A row in its place: ``row`` is None when it was left out."""

    source: str
    row: dict[str, Any] | None
    corrected: bool = False


@workflow.defn(name="validate")
class ValidateStage(Stage):
    @workflow.run
    async def run(self, request: StageInput) -> Validated:
        try:
            return await self._validate(request)
        finally:
            await human.drain()

    async def _validate(self, request: StageInput) -> Validated:
        claim = await self.claim()
        rows = (await read_input(claim, "source", *FIELDS))["rows"]
        checked = await self._check(rows)
        taken = [one.row for one in checked if one.row is not None]
        left_out = [one.source for one in checked if one.row is None]
        content = {"rows": taken, "left_out": left_out}
        stored = await store_output(f"{request.folder}/2-validated.json", content)
        if request.then is not None:
            await hand_on(stored, request.then)
        corrected = sum(one.corrected for one in checked)
        return Validated(stored, len(taken), corrected, left_out)

    async def _check(self, rows: list[dict[str, str]]) -> list[_Checked]:
        """In the order of the document. All questions are open at once."""
        faulty = [index for index, row in enumerate(rows) if faults_of(row)]
        asked = await all_to_their_end(self._ask_until_right(rows[index]) for index in faulty[:MOST_ASKED])
        left_out = {index: _Checked(rows[index]["source"], None) for index in faulty}
        decided = left_out | dict(zip(faulty, asked, strict=False))
        return [decided.get(index) or _Checked(row["source"], _typed(row)) for index, row in enumerate(rows)]

    async def _ask_until_right(self, row: Mapping[str, str]) -> _Checked:
        values = {name: row[name] for name in FIELDS}
        while faults := faults_of(values):
            answer = await self._ask(row["source"], values, faults)
            if not answer.approved:
                return _Checked(row["source"], None)
            values = answer.values
        return _Checked(row["source"], _typed(values), corrected=True)

    async def _ask(self, source: str, values: dict[str, str], faults: list[str]) -> Answer:
        return await human.ask(
            title=f"An order cannot be taken as it stands: “{_short(source)}”",
            description=" ".join(faults),
            proposal=values,
            form=FORM,
            options=[
                human.edit("takes the order as you correct it", label="Correct"),
                human.reject("leaves the order out; the result says so", label="Leave it out"),
            ],
            evidence=[
                Evidence("text", "As it stands in the document", text=source, source="1-extracted.json")
            ],
            policy=human.policy(deadline=PATIENCE, on_deadline="reject", risk="low"),
        )


def faults_of(row: Mapping[str, str]) -> list[str]:
    """In words for people; none for a row that can be taken."""
    faults = [f"The {name} is missing." for name in ("customer", "item") if not row[name].strip()]
    if not QUANTITY.fullmatch(row["quantity"].strip()) or int(row["quantity"]) == 0:
        faults.append(f"The quantity {row['quantity']!r} is no whole number of 1 or more.")
    if not PRICE.fullmatch(row["unit_price"].strip()):
        faults.append(f"The price {row['unit_price']!r} is no amount of money.")
    return faults


def _typed(row: Mapping[str, str]) -> dict[str, Any]:
    price = Decimal(row["unit_price"].strip().replace(",", "."))
    return {
        "customer": " ".join(row["customer"].split()),
        "item": " ".join(row["item"].split()),
        "quantity": int(row["quantity"]),
        "unit_price": f"{price:.2f}",
    }


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
