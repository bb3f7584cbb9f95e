"""Workflows of somebody else: they know nothing of Agentsite, ask nobody, and do what workflows do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow
from temporalio.common import RetryPolicy, SearchAttributeKey
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError

CUSTOMER = SearchAttributeKey.for_keyword("CustomKeywordField")
AGAIN = RetryPolicy(initial_interval=timedelta(milliseconds=20), maximum_attempts=4)
ONCE = RetryPolicy(maximum_attempts=1)
SOON = timedelta(seconds=20)


@activity.defn(name="flaky")
async def flaky(failures: int) -> int:
    """Fails as often as it is told, then answers its attempt."""
    attempt = activity.info().attempt
    if attempt <= failures:
        raise ApplicationError(f"attempt {attempt} of {failures} that fail", type="Flaky")
    return attempt


@workflow.defn(name="patient")
class Patient:
    """Waits for signals, answers queries and updates, and says what it does."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.done = False

    @workflow.run
    async def run(self, steps: int) -> list[str]:
        for step in range(steps):
            workflow.set_current_details(f"**step {step}** of {steps}")
            await asyncio.sleep(0.01)
        await workflow.wait_condition(lambda: self.done)
        return self.heard

    @workflow.signal(description="Something to remember.")
    def hear(self, what: str) -> None:
        self.heard.append(what)

    @workflow.signal
    def end(self) -> None:
        self.done = True

    @workflow.query(description="What was heard so far.")
    def said(self) -> list[str]:
        return self.heard

    @workflow.update(description="Forget the last words.")
    async def forget(self) -> str:
        await asyncio.sleep(0.01)
        return self.heard.pop()

    @forget.validator
    def there_is_something(self) -> None:
        if not self.heard:
            raise ValueError("nothing was heard yet")


@workflow.defn(name="stubborn")
class Stubborn:
    """Activities that fail and are tried again, one of them for good; an attribute and a memo upserted."""

    @workflow.run
    async def run(self, failures: int) -> int:
        workflow.upsert_memo({"failures": failures})
        attempt: int = await workflow.execute_activity(
            flaky, failures, start_to_close_timeout=SOON, retry_policy=AGAIN, summary="will be flaky"
        )
        try:
            await workflow.execute_activity(flaky, 9, start_to_close_timeout=SOON, retry_policy=AGAIN)
        except ActivityError:
            return attempt
        return 0


@workflow.defn(name="family")
class Family:
    """Three children, one of which fails, and one that has a child of its own."""

    @workflow.run
    async def run(self, depth: int) -> int:
        if depth == 0:
            raise ApplicationError("a leaf falls", type="Fallen")
        children = [workflow.execute_child_workflow(Stubborn.run, 1, id=f"{workflow.info().workflow_id}-s")]
        children += [
            workflow.execute_child_workflow(
                Family.run, depth - 1, id=f"{workflow.info().workflow_id}-f", retry_policy=ONCE
            )
        ]
        ended = await asyncio.gather(*children, return_exceptions=True)
        return sum(isinstance(end, ChildWorkflowError) for end in ended)


@workflow.defn(name="endless")
class Endless:
    """Continues as new until nothing is left."""

    @workflow.run
    async def run(self, left: int) -> str:
        await asyncio.sleep(0.01)
        if left:
            workflow.continue_as_new(left - 1)
        return "the end"


@workflow.defn(name="second-try")
class SecondTry:
    """Fails, and is retried as a whole."""

    @workflow.run
    async def run(self) -> int:
        if workflow.info().attempt < 3:
            raise ApplicationError("not yet")
        return workflow.info().attempt


FOREIGN = [Patient, Stubborn, Family, Endless, SecondTry]
