"""What may be answered to a question: its options, its form, and what fits into a signal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from reviews.escalations.models import Escalation, Verdict
from reviews.runs.faults import Fault, faults_of

LONGEST_COMMENT = 20_000
LARGEST_RESPONSE = 1_000_000


def answer_faults(
    escalation: Escalation, verdict: str, response: dict[str, Any] | None, comment: str
) -> Iterable[Fault]:
    """What is wrong with an answer, seen against the question's options and form."""
    if verdict not in [option["verdict"] for option in escalation.options]:
        yield Fault("/verdict", f"{verdict!r} is not among the options of this question.")
        return
    if len(comment) > LONGEST_COMMENT:
        yield Fault("/comment", f"At most {LONGEST_COMMENT} characters.")
    if len(json.dumps(response)) > LARGEST_RESPONSE:
        yield Fault("/response", "At most a million characters: more does not fit into a signal.")
    elif verdict == Verdict.EDIT:
        yield from _edit_faults(escalation, response)
    elif verdict == Verdict.RESPOND:
        text = (response or {}).get("text")
        if not isinstance(text, str) or not text.strip():
            yield Fault("/response/text", "An answer in words is needed.")
        elif set(response or {}) != {"text"}:
            yield Fault("/response", 'A respond carries {"text": …} and nothing else.')
    elif response is not None:
        yield Fault("/response", f"{verdict} takes no response.")
    elif verdict == Verdict.CHANGES and not comment.strip():
        yield Fault("/comment", "Say what should change.")


def _edit_faults(escalation: Escalation, response: Any) -> Iterable[Fault]:
    if not isinstance(response, dict):
        yield Fault("/response", "An edit carries the whole edited values, as an object.")
        return
    for fault in faults_of(response, escalation.question["form"]):
        yield Fault("/response" + fault.pointer, fault.message)
