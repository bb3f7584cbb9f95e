"""Workflows that ask people in every way that the tests need."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, ChildWorkflowError

from workflows import contracts, human
from workflows.contracts import OnDeadline
from workflows.human import Answer, DeskState, Question

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel, Field


@dataclass
class Ask:
    """``within`` is the deadline in seconds."""

    title: str = "Pay 10 to Dora?"
    proposal: Any = field(default_factory=lambda: {"amount": 10})
    verdicts: list[str] = field(default_factory=lambda: ["approve", "reject"])
    form: dict[str, Any] | None = None
    within: float | None = None
    on_deadline: OnDeadline = "expire"

    async def open(self) -> Question:
        return await human.open(
            title=self.title,
            proposal=self.proposal,
            form=self.form,
            options=[getattr(human, verdict)(f"does {verdict}") for verdict in self.verdicts],
            policy=human.policy(
                deadline=timedelta(seconds=self.within) if self.within is not None else None,
                on_deadline=self.on_deadline,
            ),
        )


@dataclass
class Told:
    """An answer as the workflow got it. ``error`` is the type of what the ask failed with."""

    state: str = ""
    verdict: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    text: str = ""
    comment: str = ""
    key: str = ""
    reviewer: str = ""
    error: str = ""

    @classmethod
    def of(cls, answer: Answer) -> Told:
        reviewer = answer.reviewer.name if answer.reviewer else ""
        key = answer.idempotency_key
        return cls(answer.state, answer.verdict, answer.values, answer.text, answer.comment, key, reviewer)


@workflow.defn(name="ask-one")
class AskOne:
    """Asks once; what it was told is its result."""

    @workflow.run
    async def run(self, ask: Ask) -> Told:
        try:
            question = await ask.open()
            told = Told.of(await question.answer())
        except ActivityError as error:
            cause = error.cause
            assert isinstance(cause, ApplicationError)
            told = Told(error=cause.type or "", text=cause.message)
        except asyncio.CancelledError:
            await human.drain()
            raise
        with suppress(asyncio.CancelledError):  # it has its answer: a cancellation is too late now
            await human.drain()
        return told


@workflow.defn(name="ask-several")
class AskSeveral:
    """Asks all at once; answers in the order of the questions, and the titles in the order of the answers."""

    def __init__(self) -> None:
        self.order: list[str] = []

    @workflow.run
    async def run(self, asks: list[Ask]) -> dict[str, Any]:
        try:
            questions = await asyncio.gather(*(ask.open() for ask in asks))
            told = await asyncio.gather(*(self._answer(*pair) for pair in zip(asks, questions, strict=True)))
        finally:
            await human.drain()
        return {"told": [vars(one) for one in told], "order": self.order}

    async def _answer(self, ask: Ask, question: Question) -> Told:
        answer = await question.answer()
        self.order.append(ask.title)
        return Told.of(answer)


@dataclass
class Carried:
    """What goes from run to run: ``turns`` left, and the open question."""

    ask: Ask
    turns: int
    desk: DeskState | None = None


@workflow.defn(name="ask-and-carry")
class AskAndCarry:
    """Continues as new on the signal ``turn`` while its question is open, ``turns`` times at most."""

    def __init__(self) -> None:
        self.turned = False

    @workflow.signal
    def turn(self) -> None:
        self.turned = True

    @workflow.run
    async def run(self, state: Carried) -> Told:
        [question] = human.restore(state.desk) if state.desk else [await state.ask.open()]
        if state.turns:
            await workflow.wait_condition(lambda: self.turned)
            await human.drain()
            workflow.continue_as_new(Carried(state.ask, state.turns - 1, human.carry()))
        told = Told.of(await question.answer())
        await human.drain()
        return told


@workflow.defn(name="wait-then-ask")
class WaitThenAsk:
    """Asks when it is told to ``go``, and waits for ``end`` after the answer."""

    def __init__(self) -> None:
        self.may_go = self.may_end = False

    @workflow.signal
    def go(self) -> None:
        self.may_go = True

    @workflow.signal
    def end(self) -> None:
        self.may_end = True

    @workflow.run
    async def run(self, ask: Ask) -> Told:
        await workflow.wait_condition(lambda: self.may_go)
        told = Told.of(await (await ask.open()).answer())
        await workflow.wait_condition(lambda: self.may_end)
        await human.drain()
        return told


@workflow.defn(name="ask-then-fail")
class AskThenFail:
    """Fails as soon as it is answered, and drains on its way out."""

    @workflow.run
    async def run(self, ask: Ask) -> None:
        try:
            await (await ask.open()).answer()
            raise ApplicationError("The work failed after the answer.", non_retryable=True)
        finally:
            await human.drain()


@workflow.defn(name="withdraw-then-wait")
class WithdrawThenWait:
    """Takes its question back when told to ``go``, then waits for ``end``."""

    def __init__(self) -> None:
        self.may_go = self.may_end = False

    @workflow.signal
    def go(self) -> None:
        self.may_go = True

    @workflow.signal
    def end(self) -> None:
        self.may_end = True

    @workflow.run
    async def run(self, ask: Ask) -> None:
        question = await ask.open()
        await workflow.wait_condition(lambda: self.may_go)
        await question.withdraw()
        await workflow.wait_condition(lambda: self.may_end)
        await human.drain()


@dataclass
class Order:
    customer: str
    amount: float
    express: bool = False


class Letter(BaseModel):
    """A pydantic model is proposal and form in one."""

    to: str = Field(min_length=1)
    copies: int = Field(default=1, ge=1, le=9)


@workflow.defn(name="ask-typed")
class AskTyped:
    """A dataclass and a pydantic model as proposals."""

    @workflow.run
    async def run(self) -> list[Told]:
        options = [human.approve("does it"), human.edit("does it as edited")]
        order = await human.ask(title="Order?", proposal=Order("Dora", 9.5), options=options[:1])
        letter = await human.ask(title="Send?", proposal=Letter(to="Dora"), form=Letter, options=options)
        await human.drain()
        return [Told.of(order), Told.of(letter)]


@workflow.defn(name="call-by-hand")
class CallByHand:
    """Calls activities of the queue ``agentsite`` by name with plain JSON, as another language would."""

    def __init__(self) -> None:
        self.may_end = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self.may_end)

    @workflow.signal
    def end(self) -> None:
        self.may_end = True

    @workflow.update
    async def call(self, name: str, argument: Any) -> Any:
        """What it answered, or ``{"error": type, "message", "final"}``; two tries."""
        try:
            return await workflow.execute_activity(
                name,
                argument,
                task_queue=contracts.HUMAN_QUEUE,
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=10)),
            )
        except ActivityError as error:
            cause = error.cause
            assert isinstance(cause, ApplicationError)
            return {"error": cause.type, "message": cause.message, "final": cause.non_retryable}


@workflow.defn(name="end-as")
class EndAs:
    """Ends in the way that its input names: complete, fail, continue, nan, stumble; else it waits for ever."""

    @workflow.run
    async def run(self, how: str) -> Any:
        match how:
            case "complete":
                return {"ok": True}
            case "nan":
                return [float("nan"), float("inf")]
            case "fail":
                raise ApplicationError("It failed.", type="Broken", non_retryable=True)
            case "stumble":
                raise RuntimeError("A bad deploy: the workflow task fails, again and again.")
            case "continue":
                workflow.continue_as_new("complete")
            case _:
                await asyncio.Future()
        return None


@workflow.defn(name="every-step")
class EveryStep:
    """An activity that fails, a timer that fires and one that is canceled, two children, an update, a signal."""

    def __init__(self) -> None:
        self.signaled = self.updated = False

    @workflow.signal
    def please(self, _: Any = None) -> None:
        self.signaled = True

    @workflow.update
    async def count(self, number: int) -> int:
        if number < 0:
            raise ApplicationError("Not below zero.")
        self.updated = True
        return number + 1

    @workflow.run
    async def run(self) -> str:
        long = asyncio.create_task(asyncio.sleep(60))
        with suppress(ActivityError):
            await contracts.settle(contracts.SettleRequest("unknown", "expired"), summary="settle nothing")
        await asyncio.sleep(0.01)
        await workflow.wait_condition(lambda: self.signaled and self.updated)
        long.cancel()
        child = f"{workflow.info().workflow_id}-a"
        await workflow.execute_child_workflow(EndAs.run, "complete", id=child, static_summary="the first")
        with suppress(ChildWorkflowError):
            await workflow.execute_child_workflow(EndAs.run, "fail", id=f"{workflow.info().workflow_id}-b")
        return "done"


@workflow.defn(name="steered")
class Steered:
    """Says what it is, counts what it is told, tries the activity ``try`` until it succeeds, and waits for ``end``."""

    def __init__(self) -> None:
        self.counted: list[int] = []
        self.may_end = False

    @workflow.run
    async def run(self, tries: bool = False) -> list[int]:
        workflow.set_current_details("Counts **what it is told**.")
        if tries:
            # Late, and twice as late the next time; but what would be tried after the run's own time is given up.
            late = (workflow.info().execution_timeout or timedelta(minutes=2)) / 4
            await workflow.execute_activity(
                "try",
                start_to_close_timeout=timedelta(seconds=10),
                retry_policy=RetryPolicy(initial_interval=late),
            )
        await workflow.wait_condition(lambda: self.may_end)
        return self.counted

    @workflow.signal(description="Lets it end.")
    def end(self) -> None:
        self.may_end = True

    @workflow.update(description="Counts a number and answers the sum.")
    async def count(self, number: int) -> int:
        self.counted.append(number)
        if number == 13:
            raise ApplicationError("Not thirteen.")
        return sum(self.counted)

    @count.validator
    def check_number(self, number: int) -> None:
        if number < 0:
            raise ValueError("Not below zero.")

    @workflow.query(description="What was counted, from an index on.")
    def counts(self, since: int = 0) -> list[int]:
        return self.counted[since:]

    @workflow.query
    def broken(self) -> str:
        raise ValueError("This query is broken.")


@workflow.defn(name="with-a-child")
class WithAChild:
    """Waits for a child that waits for ever."""

    @workflow.run
    async def run(self) -> None:
        await workflow.execute_child_workflow(EndAs.run, "wait", id=f"{workflow.info().workflow_id}-child")


FLOWS: list[type] = [
    Steered,
    WithAChild,
    EndAs,
    EveryStep,
    AskOne,
    AskSeveral,
    AskAndCarry,
    WaitThenAsk,
    AskThenFail,
    WithdrawThenWait,
    AskTyped,
    CallByHand,
]
