"""What would change: the fields of a proposal beside what they are now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reviews.pages.forms import number_in_words
from reviews.pages.schemas import MISSING, Property, properties_of


@dataclass(frozen=True)
class Line:
    """One field. ``before`` and ``after`` are words, None where the field is not there; ``block`` needs room."""

    title: str
    before: str | None
    after: str | None
    changed: bool
    block: bool


def lines(
    form: Mapping[str, Any] | None, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[Line]:
    """A line for each field of either side, in the order of the form, then of the proposal.

    Without a ``before`` nothing counts as changed: all of it is new.
    """
    both = {**(before or {}), **after}
    fields = properties_of({"properties": {}, **(form or {})}, both)
    return [_line(item, before, after) for item in fields if item.name in both]


def _line(item: Property, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Line:
    old = (before or {}).get(item.name, MISSING)
    new = after.get(item.name, MISSING)
    words = [in_words(value, item.schema) for value in (old, new)]
    return Line(
        title=item.title,
        before=words[0],
        after=words[1],
        changed=before is not None and (old is MISSING or new is MISSING or _differs(old, new)),
        block=any("\n" in (text or "") or len(text or "") > 200 for text in words),
    )


def _differs(old: Any, new: Any) -> bool:
    """As JSON sees it: true is not 1."""
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True) and not (
        type(old) in (int, float) and type(new) in (int, float) and old == new
    )


def in_words(value: Any, schema: Mapping[str, Any] | None = None) -> str | None:
    """A value plain: numbers in digits, yes and no, text as it is, the rest as JSON."""
    match value:
        case str():
            return value
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return number_in_words(value, schema)
        case None:
            return "none"
        case _ if value is MISSING:
            return None
        case _:
            return json.dumps(value, indent=2, ensure_ascii=False)
