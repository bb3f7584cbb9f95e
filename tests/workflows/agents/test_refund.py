"""``refund``: paid as decided, under the decision's id, once; otherwise nothing."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World

ORDER = {"customer": "Dora", "amount": 42.5, "reason": "late parcel"}


async def refund(agents: World, **changes: Any) -> Handle:
    return await agents.start_agent("refund", ORDER | changes)


def ledger(demo: Demo) -> list[tuple[str, float]]:
    return [(paid["idempotency_key"], paid["amount"]) for paid in demo.payments()["items"]]


async def test_approved_edited_rejected_and_expired(agents: World, demo: Demo) -> None:
    approved, edited, rejected = [await refund(agents) for _ in range(3)]
    expired = await refund(agents, answer_within_seconds=0.2)
    yes = await agents.decide(await agents.question(approved))
    less = await agents.decide(await agents.question(edited), "edit", response=ORDER | {"amount": 7})
    no = await agents.decide(await agents.question(rejected), "reject")
    for handle, decision in ((approved, yes), (edited, less), (rejected, no)):
        await agents.deliver(handle, decision)

    outcomes = [(await handle.result())["outcome"] for handle in (approved, edited, rejected, expired)]
    assert outcomes == ["paid", "paid", "rejected", "expired"]
    assert sorted(ledger(demo)) == sorted([(str(yes.id), 42.5), (str(less.id), 7)])
    assert (await approved.result())["by"] == "Bob"


async def test_payments_that_fail_are_tried_until_they_are_paid_once(agents: World, demo: Demo) -> None:
    control = {"status": 500, "times": 1, "when": "after"}
    demo.http.post(f"{demo.payments_url}/control", json=control).raise_for_status()
    handle = await refund(agents)
    decision = await agents.decide(await agents.question(handle))
    await agents.deliver(handle, decision)

    assert (await handle.result())["outcome"] == "paid"
    assert ledger(demo) == [(str(decision.id), 42.5)]


async def test_a_refused_payment_fails_the_run_whose_decision_was_acted_on(agents: World, demo: Demo) -> None:
    demo.http.post(f"{demo.payments_url}/control", json={"status": 402, "times": 1}).raise_for_status()
    handle = await refund(agents)
    decision = await agents.decide(await agents.question(handle))
    await agents.deliver(handle, decision)
    with pytest.raises(WorkflowFailureError) as failed:
        await handle.result()

    assert getattr(failed.value.cause.__cause__, "type", None) == "PaymentRefused"
    assert ledger(demo) == []
    assert (await agents.delivery(decision)).state == "acted_on"


async def test_a_cancellation_waits_for_what_was_decided_and_acknowledged(agents: World, demo: Demo) -> None:
    control = {"status": 500, "times": 2, "when": "before"}
    demo.http.post(f"{demo.payments_url}/control", json=control).raise_for_status()
    handle = await refund(agents)
    decision = await agents.decide(await agents.question(handle))
    await agents.deliver(handle, decision)
    await agents.delivery(decision, "acted_on")
    await handle.cancel()  # the payment has failed once or twice, and is tried again
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    assert ledger(demo) == [(str(decision.id), 42.5)]
