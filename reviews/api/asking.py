"""The ``ask`` message as a REST body (docs/contract/ask.schema.json, and the run that asks)."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reviews.api.shapes import Json

STRICT = ConfigDict(extra="forbid")


class OptionIn(BaseModel):
    model_config = STRICT

    verdict: Literal["approve", "edit", "reject", "respond", "retry", "changes"]
    label: str = Field(default="", description="The button's words; the verdict when empty.")
    consequence: str = Field(default="", description="What pressing it will do.")


class EvidenceIn(BaseModel):
    model_config = STRICT

    kind: Literal["text", "json", "link", "artifact"]
    title: str = ""
    text: str = ""
    value: Json = None
    url: str = ""
    artifact_version: str | None = Field(default=None, description="Id of a file's version.")
    source: str = ""
    trusted: bool = False


class PolicyIn(BaseModel):
    model_config = STRICT

    deadline: str | None = Field(default=None, description="RFC 3339, with a zone.")
    on_deadline: Literal["expire", "reject", "approve"] = "expire"
    risk: Literal["low", "medium", "high"] = "medium"
    starter_may_decide: bool = True


class AskIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "run": "order-4711",
                    "workspace": "demo",
                    "request_id": "refund-1",
                    "title": "Refund 120.50 to Ada Lovelace?",
                    "proposal": {"customer": "Ada Lovelace", "amount": 120.5},
                    "options": [
                        {"verdict": "approve", "label": "Refund", "consequence": "120.50 is paid at once."},
                        {"verdict": "reject", "label": "Refuse", "consequence": "Nothing is paid."},
                    ],
                }
            ]
        },
    )

    run: str = Field(min_length=1, max_length=1000, description="The asking run: our id, or its workflow id.")
    request_id: str = Field(
        min_length=1, max_length=255, description="The same id of one workflow asks once."
    )
    title: str
    options: list[OptionIn]
    proposal: dict[str, Any] = Field(default_factory=dict)
    description: str = ""
    before: dict[str, Any] | None = None
    form: dict[str, Any] | None = Field(
        default=None, description="JSON Schema of `proposal`; needed with `edit`."
    )
    evidence: list[EvidenceIn] = Field(default_factory=list)
    policy: PolicyIn = PolicyIn()
    workspace: str | None = Field(default=None, description="Slug; that of the run when absent.")

    def message(self) -> dict[str, Any]:
        """What :func:`~reviews.escalations.actions.open_escalation` takes."""
        return self.model_dump(exclude={"run"})
