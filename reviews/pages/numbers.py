"""Numbers in addresses: what is none counts as absent."""

from __future__ import annotations

from collections.abc import Mapping

LARGEST = 2**31 - 1


def number_in(said: Mapping[str, str], name: str) -> int | None:
    """At most what the database's integers hold."""
    text = said.get(name, "")
    return min(int(text), LARGEST) if text.isascii() and text.isdigit() and len(text) < 12 else None
