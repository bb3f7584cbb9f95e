"""What the world outside says: the payments' ledger, Temporal's histories, and the rows in the database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHistory
from temporalio.converter import default

from tests.faults.reviewer import Json
from tests.support.site import Site
from workflows.contracts import HUMAN_INPUT_SIGNAL


@dataclass(frozen=True)
class Told:
    """What Temporal holds of one execution: the human inputs it was sent, and its result."""

    inputs: list[Any]
    result: Any


def payments(site: Site, customer: str) -> dict[str, Json]:
    """Idempotency key → payment, of the customers whose name begins so."""
    found = httpx.get(site.payments, timeout=20).json()["items"]
    return {paid["idempotency_key"]: paid for paid in found if paid["customer"].startswith(customer)}


def rows(site: Site, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the site's database answers."""
    with psycopg.connect(site.database) as connection:
        return connection.execute(query.encode(), values).fetchall()


def told(site: Site, runs: Sequence[Json]) -> list[Told]:
    """What Temporal holds of these runs, which have ended."""

    async def fetch() -> list[Told]:
        client = await Client.connect(site.temporal)
        handles = [client.get_workflow_handle(run["workflow_id"], run_id=run["run_id"]) for run in runs]
        return [await _told(await handle.fetch_history()) for handle in handles]

    return asyncio.run(fetch())


def executions(site: Site, run: Json) -> list[str]:
    """Temporal's run ids under the run's workflow id."""

    async def fetch() -> list[str]:
        client = await Client.connect(site.temporal)
        query = f"WorkflowId = '{run['workflow_id']}'"
        return [execution.run_id async for execution in client.list_workflows(query)]

    return asyncio.run(fetch())


def next_attempt(site: Site, run: Json) -> int:
    """Which attempt of its activity Temporal waits for, makes or plans; 0 when none is pending."""

    async def describe() -> int:
        client = await Client.connect(site.temporal)
        description = await client.get_workflow_handle(run["workflow_id"]).describe()
        pending = description.raw_description.pending_activities
        return max((activity.attempt for activity in pending), default=0)

    return asyncio.run(describe())


async def _told(history: WorkflowHistory) -> Told:
    inputs: list[Any] = []
    for event in history.events:
        signaled = event.workflow_execution_signaled_event_attributes
        if event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:
            if signaled.signal_name == HUMAN_INPUT_SIGNAL:
                inputs += await default().decode(signaled.input.payloads)
    last = history.events[-1].workflow_execution_completed_event_attributes
    result = await default().decode(last.result.payloads)
    return Told(inputs, result[0] if result else None)


@dataclass(frozen=True)
class Case:
    """A refund that was decided, and the amount that has to be paid under the decision's id; None: nothing."""

    run: Json
    question: Json
    decision: Json
    due: float | None


def judge(site: Site, cases: Sequence[Case], customer: str) -> None:
    """Everyone agrees: ledger, Temporal and database, over all refunds of ``customer``; nothing is left over."""
    due = {case.decision["id"]: case.due for case in cases if case.due is not None}
    paid = payments(site, customer)
    assert {key: payment["amount"] for key, payment in paid.items()} == due
    for case, seen in zip(cases, told(site, [case.run for case in cases]), strict=True):
        _agree(case, seen)
    _nothing_is_left(site, cases)


def _agree(case: Case, seen: Told) -> None:
    decision = case.decision
    assert [given["decision_id"] for given in seen.inputs] in ([], [decision["id"]]), case
    assert decision["delivery"]["state"] == "acted_on", case
    assert case.run["status"] == "completed", case
    assert case.run["result"] == seen.result
    assert seen.result["decision_id"] == decision["id"]
    if case.due is None:
        assert seen.result["outcome"] == "rejected"
    else:
        assert seen.result["outcome"] == "paid"
        assert seen.result["payment"]["idempotency_key"] == decision["id"]
        assert seen.result["payment"]["amount"] == case.due


def _nothing_is_left(site: Site, cases: Sequence[Case]) -> None:
    decisions = [case.decision["id"] for case in cases]
    questions = [case.question["id"] for case in cases]
    recorded = rows(
        site, "SELECT id::text FROM reviews_decision WHERE escalation_id = ANY(%s::uuid[])", questions
    )
    assert sorted(recorded) == sorted((decision,) for decision in decisions)
    audited = rows(
        site,
        "SELECT details->>'decision' FROM reviews_auditevent"
        " WHERE verb = 'decision.recorded' AND details->>'decision' = ANY(%s)",
        decisions,
    )
    assert sorted(audited) == sorted((decision,) for decision in decisions)
    states = rows(site, "SELECT DISTINCT state FROM reviews_escalation WHERE id = ANY(%s::uuid[])", questions)
    assert states == [("decided",)]
    subjects = decisions + [case.run["id"] for case in cases]
    assert (
        rows(
            site,
            "SELECT id FROM reviews_message WHERE state = 'pending' AND subject = ANY(%s::uuid[])",
            subjects,
        )
        == []
    )
