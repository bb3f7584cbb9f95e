"""A line of the table, and the arithmetic of figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """``limit`` is in ``unit``; ``at_most`` says on which side of it the figure has to be."""

    number: str
    what: str
    unit: str
    figure: float
    limit: float
    budget: str
    floor: float | None = None
    at_most: bool = True

    @property
    def kept(self) -> bool:
        return self.figure <= self.limit if self.at_most else self.figure >= self.limit

    @property
    def verdict(self) -> str:
        sign = "≤" if self.at_most else "≥"
        return f"{'kept' if self.kept else 'MISSED'}: {sign} {self.limit:.2f} {self.unit} ({self.budget})"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"ratio": self.figure / self.floor if self.floor else None, "kept": self.kept}


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0 to 1) of them lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
