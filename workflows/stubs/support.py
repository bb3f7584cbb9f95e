"""What a shop's support knows about orders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.contracts import FOR_EVER_RETRY, SHORT, Activity


@dataclass
class OrderQuery:
    order_id: str


find_order: Activity[OrderQuery, dict[str, Any]] = Activity(
    "find_order", dict[str, Any], SHORT, FOR_EVER_RETRY
)
"""Answers ``{"order_id", "customer", "item", "total", "state"}``, or ``{"error"}`` for a number that is unknown."""
