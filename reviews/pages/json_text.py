"""JSON that people type: one value, or several one after another."""

from __future__ import annotations

import json
from typing import Any


class Unreadable(ValueError):
    """This is no JSON; the message is for people."""


def read_values(text: str) -> list[Any]:
    """``{"a": 1}`` is one value, ``"a" 5`` are two, nothing is none. Raises :class:`Unreadable`."""
    values, rest = [], text.strip()
    decoder = json.JSONDecoder(parse_constant=_refuse)
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"This is not JSON: {error}") from error
        values.append(value)
        rest = rest[end:].lstrip()
    return values


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON value")
