"""Paying money back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from workflows.contracts import FOR_EVER_RETRY, SHORT, Activity


@dataclass
class Refund:
    """``amount`` in the currency of the account, more than 0."""

    customer: str
    amount: float
    reason: str


@dataclass
class Payment:
    """A refund as decided. The same key is paid once, however often it is sent."""

    refund: dict[str, Any]
    idempotency_key: str


pay_refund: Activity[Payment, dict[str, Any]] = Activity("pay_refund", dict[str, Any], SHORT, FOR_EVER_RETRY)
