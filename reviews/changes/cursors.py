"""A place in the change log, as text that a browser keeps and sends back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Place(NamedTuple):
    """After the line with this transaction id and sequence; places compare as the log is read."""

    transaction_id: int
    change_id: int


@dataclass(frozen=True)
class Cursor:
    """``cluster`` is PostgreSQL's system identifier: transaction ids mean nothing in another cluster."""

    cluster: str
    place: Place

    def __str__(self) -> str:
        return f"{self.cluster}.{self.place.transaction_id}.{self.place.change_id}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """None for what is no cursor."""
        parts = text.split(".") if len(text) <= 80 and text.isascii() else []
        if len(parts) != 3 or not all(part.isdigit() for part in parts):
            return None
        cluster, transaction_id, change_id = parts
        return cls(cluster, Place(int(transaction_id), int(change_id)))
