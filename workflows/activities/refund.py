"""Paying a refund, once for each decision, whatever is repeated."""

from __future__ import annotations

import os
from typing import Any

import httpx
from temporalio import activity
from temporalio.exceptions import ApplicationError

from reviews.failpoints import failpoint
from workflows.stubs.refund import Payment

PATIENCE = 8.0
WORTH_ANOTHER_TRY = {408, 425, 429}


@activity.defn
async def pay_refund(payment: Payment) -> dict[str, Any]:
    """POST it to ``PAYMENTS_URL`` under its key. Retried for ever, except what the endpoint refuses (4xx)."""
    failpoint("pay-before-call")
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        response = await client.post(
            os.environ["PAYMENTS_URL"],
            json={name: payment.refund[name] for name in ("customer", "amount", "reason")},
            headers={"Idempotency-Key": payment.idempotency_key},
        )
    failpoint("pay-after-call")
    if response.is_client_error and response.status_code not in WORTH_ANOTHER_TRY:
        raise ApplicationError(
            f"The payment was refused: {response.status_code} {response.text[:500]}",
            type="PaymentRefused",
            non_retryable=True,
        )
    response.raise_for_status()
    paid: dict[str, Any] = response.json()
    return paid
