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
MOST_TEXT = 500
"""Characters of what the endpoint says, where it is no receipt, that go into the run's history."""
MOST_BYTES = 100_000
"""Of a receipt. Temporal takes no payload of any size, and would refuse a large one again and again."""


@activity.defn
async def pay_refund(payment: Payment) -> dict[str, Any]:
    """POST it to ``PAYMENTS_URL`` under its key. Any 2xx is paid, whatever it says.

    Retried for ever, except what the endpoint refuses (4xx) or wants to have elsewhere (3xx).
    """
    failpoint("pay-before-call")
    async with httpx.AsyncClient(timeout=PATIENCE, trust_env=False) as client:
        response = await client.post(
            os.environ["PAYMENTS_URL"],
            json={name: payment.refund[name] for name in ("customer", "amount", "reason")},
            headers={"Idempotency-Key": payment.idempotency_key},
        )
    failpoint("pay-after-call")
    refused = response.is_redirect or response.is_client_error
    if refused and response.status_code not in WORTH_ANOTHER_TRY:
        raise ApplicationError(
            f"The payment was refused: {response.status_code} {response.text[:MOST_TEXT]}",
            type="PaymentRefused",
            non_retryable=True,
        )
    response.raise_for_status()
    return _receipt(response)


def _receipt(response: httpx.Response) -> dict[str, Any]:
    """What the endpoint says of a payment, or in place of what is no JSON object, or too large a one: its status and text."""
    try:
        said = response.json()
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, dict) and len(response.content) <= MOST_BYTES:
        return said
    return {"status": response.status_code, "text": response.text[:MOST_TEXT]}
