"""``chat``: a conversation without end. It answers messages one by one, and asks a person before it pays.

Every few answers its state goes into a file of the workspace and the run continues as new with the claim alone: a
new worker replays what was said since, and nothing before it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from workflows import human
from workflows.agents import chat_tools
from workflows.contracts import AgentDescription
from workflows.human import DeskState
from workflows.shortening import Less, TooLong, until_it_fits
from workflows.stubs import chat
from workflows.stubs.chat import (
    END_SIGNAL,
    FIRST,
    LONGEST_TEXT,
    MESSAGE_SIGNAL,
    MOST_SEEN,
    REMEMBERED,
    AnswerRequest,
    Exchange,
    KeepRequest,
    KeptTurn,
    Line,
    Message,
    Said,
    Snapshot,
    SnapshotClaim,
    SnapshotRequest,
    SummaryRequest,
)

MOST_CALLS = 4
"""Rounds of tools for one message; then the model answers in words."""
MOST_CHARACTERS = 24_000
"""Of exchanges since the summary. Longer ones are snapshotted early, so that the model's context stays bounded."""
LONGEST_ID = 100
STOP = human.reject("gives this message no answer; the conversation says so and goes on", label="Stop")


@dataclass
class Carried:
    """What a run that continues as new takes along: its snapshot's claim, and what was said since."""

    workflow_id: str
    claim: SnapshotClaim
    inbox: list[Message] = field(default_factory=list)
    desk: DeskState = field(default_factory=DeskState)
    ended: bool = False


@dataclass
class ChatInput:
    instructions: str = ""
    message: str = ""
    snapshot_every: int = 20
    carried: Carried | None = None


@workflow.defn(name="chat")
class ChatAgent:
    @workflow.init
    def __init__(self, request: ChatInput) -> None:
        self.request = request
        self.inbox: deque[Message] = deque()
        self.seen: dict[str, None] = {}
        self.ended = False
        self.summary = ""
        self.exchanges: list[Exchange] = []
        self.answered = 0
        self.since = 0
        # A run that was started again, like a later one of another conversation, begins with nothing.
        own = request.carried is not None and request.carried.workflow_id == workflow.info().workflow_id
        self.carried = request.carried if own else None
        for message in self.carried.inbox if self.carried else [Message(FIRST, request.message)]:
            self._take(message)
        self.ended = self.carried is not None and self.carried.ended

    @workflow.signal(name=MESSAGE_SIGNAL)
    def hear(self, value: Any = None) -> None:
        """Anything is taken, and looked at here: a typed handler drops what it cannot read without a word."""
        match value:
            case {"id": str(id), "text": str(text)} if 0 < len(id) <= LONGEST_ID and text.strip():
                by, recorded = value.get("by"), value.get("recorded") is True
                self._take(Message(id, text, by if isinstance(by, str) else "", recorded))
            case _:
                workflow.logger.warning("Ignored a %s signal that is no message: %r", MESSAGE_SIGNAL, value)

    @workflow.signal(name=END_SIGNAL)
    def end(self, value: Any = None) -> None:
        """What was said before is answered first."""
        self.ended = True

    @workflow.run
    async def run(self, request: ChatInput) -> dict[str, Any]:
        try:
            await self._resume()
            while True:
                while await self._is_spoken_to():
                    await self._answer(self.inbox.popleft())
                    if self._is_long():
                        await self._continue_as_new()
                summary = await self._last_summary()
                if not self.inbox:  # what was said meanwhile is answered too
                    return await self._result(summary)
        finally:
            await human.drain()

    def _take(self, message: Message) -> None:
        if message.id in self.seen:
            return
        self.seen[message.id] = None
        if message.text.strip():
            self.inbox.append(replace(message, text=message.text[:LONGEST_TEXT]))

    async def _is_spoken_to(self) -> bool:
        await workflow.wait_condition(lambda: bool(self.inbox) or self.ended)
        return bool(self.inbox)

    # From one execution to the next

    async def _resume(self) -> None:
        if self.carried is None:
            return
        human.restore(self.carried.desk)
        snapshot = await chat.load_snapshot(self.carried.claim)
        self.summary, self.exchanges, self.answered = snapshot.summary, snapshot.exchanges, snapshot.answered
        # What came meanwhile may be a repeat of what an earlier execution has answered.
        self.inbox = deque(message for message in self.inbox if message.id not in snapshot.seen)
        self.seen = dict.fromkeys([*snapshot.seen, *self.seen])

    def _is_long(self) -> bool:
        info = workflow.info()
        size = sum(exchange.size for exchange in self.exchanges)
        return (
            self.since >= self.request.snapshot_every
            or size > MOST_CHARACTERS
            or info.is_continue_as_new_suggested()
        )

    async def _continue_as_new(self) -> None:
        """Not when the snapshot cannot be written: then the conversation goes on as it is."""
        await self._summarize()
        info = workflow.info()
        waiting = {message.id for message in self.inbox}
        seen = [id for id in self.seen if id not in waiting]
        snapshot = Snapshot(info.workflow_id, self.summary, self.exchanges, self.answered, seen[-MOST_SEEN:])
        try:
            claim = await chat.write_snapshot(
                SnapshotRequest(f"chat/{info.workflow_id}/snapshot.json", snapshot),
                summary=f"after {self.answered} answers",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("The snapshot could not be written: %s", error.cause)
            return
        await human.drain()
        carried = Carried(info.workflow_id, claim, list(self.inbox), human.carry(), self.ended)
        workflow.continue_as_new(replace(self.request, message="", carried=carried))

    async def _summarize(self) -> None:
        """Fold what is not kept word for word into the summary; a model that cannot is asked again next time."""
        kept = REMEMBERED
        while kept > 1 and sum(exchange.size for exchange in self.exchanges[-kept:]) > MOST_CHARACTERS // 2:
            kept -= 1
        old = self.exchanges[:-kept]
        if not old:
            return
        lines = [line for exchange in old for line in exchange.lines]
        try:
            self.summary = await chat.summarize_conversation(SummaryRequest(self.summary, lines))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("The conversation could not be summarized: %s", error.cause)
            if sum(exchange.size for exchange in self.exchanges) <= 2 * MOST_CHARACTERS:
                return
        self.exchanges = self.exchanges[-kept:]

    # One message

    async def _answer(self, message: Message) -> None:
        """Ask the model, do what it wants done, and ask again with what came of it, until it answers in words."""
        await self._keep_message(message)
        exchange = Exchange([Line("user", message.text)])
        self.exchanges.append(exchange)
        for number in range(MOST_CALLS + 1):
            said = await self._ask_model(message, number, offer_tools=number < MOST_CALLS)
            exchange.lines.append(Line("assistant", said.text, said.calls))
            await self._keep_answer(message, number, said)
            if not said.calls:
                break
            for place, call in enumerate(said.calls):
                key = _key(message, number, place)
                does = chat_tools.carry_out if place < chat_tools.MOST_AT_ONCE else chat_tools.refuse
                exchange.lines.append(Line("tool", await does(call, key, exchange), call_id=call.id))
        self.answered += 1
        self.since += 1

    async def _ask_model(self, message: Message, number: int, *, offer_tools: bool) -> Said:
        async def ask(exchanges: list[Exchange]) -> Said:
            lines = [line for exchange in exchanges for line in exchange.lines]
            request = AnswerRequest(self.request.instructions, self.summary, lines, offer_tools)
            said = await chat.answer_message(request, summary=_short(message.text))
            if forgotten := len(self.exchanges) - len(exchanges):
                self.exchanges = exchanges
                await self._keep_that_it_forgot(forgotten, _key(message, number))
            return said

        try:
            return await until_it_fits("The conversation", ask, self.exchanges, _forget_oldest, stop=STOP)
        except TooLong as error:
            return Said(error.message, [], "", demo=False)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Said(_apology(error), [], "", demo=False)

    async def _keep_that_it_forgot(self, count: int, key: str) -> None:
        text = f"So that the rest fits, the model has forgotten its oldest {_counted(count)} of this conversation."
        await chat.keep_turns(KeepRequest([KeptTurn(f"{key}.forgot", "note", text)]))

    async def _keep_message(self, message: Message) -> None:
        if not message.recorded:
            turn = KeptTurn(message.id, "person", message.text, name=message.by)
            await chat.keep_turns(KeepRequest([turn]))

    async def _keep_answer(self, message: Message, number: int, said: Said) -> None:
        # Of a message that came by signal, its turn may not be there in spite of what the signal says.
        turns = [KeptTurn(message.id, "person", message.text, name=message.by)]
        if said.text.strip():
            turns.append(
                KeptTurn(
                    _key(message, number),
                    "agent" if said.model else "note",
                    said.text,
                    answers="" if said.calls else message.id,
                    model=said.model,
                    demo=said.demo,
                )
            )
        turns += [
            KeptTurn(
                _key(message, number, place),
                "tool",
                tool=call.name,
                arguments=call.arguments,
                state="running",
            )
            for place, call in enumerate(said.calls)
        ]
        await chat.keep_turns(KeepRequest(turns))

    async def _last_summary(self) -> str:
        """In the model's words, where it finds any."""
        lines = [line for exchange in self.exchanges for line in exchange.lines]
        if not lines:
            return self.summary
        try:
            return await chat.summarize_conversation(SummaryRequest(self.summary, lines))
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return self.summary

    async def _result(self, summary: str) -> dict[str, Any]:
        ending = KeptTurn("end", "note", f"The conversation has ended. {summary}".strip())
        await chat.keep_turns(KeepRequest([ending]))
        return {"outcome": "ended", "messages": self.answered, "summary": summary}


def _key(message: Message, number: int, place: int | None = None) -> str:
    """Of the model's ``number``-th reply to the message, or of the tool that it calls in this ``place``."""
    return f"{message.id}#{number}" + (f".{place}" if place is not None else "")


def _forget_oldest(exchanges: list[Exchange]) -> Less[list[Exchange]] | None:
    """The older half; never the message that waits for its answer."""
    kept, forgotten = exchanges[len(exchanges) // 2 :], exchanges[: len(exchanges) // 2]
    if not forgotten:
        return None
    lines = [line for exchange in forgotten for line in exchange.lines if line.text.strip()]
    return Less(
        kept,
        f"the newest {len(kept)} of {_counted(len(exchanges))}; it forgets the others, which stay on the page",
        "\n\n".join(f"{line.role}: {line.text}" for line in lines),
        {"exchanges": len(kept), "characters": sum(exchange.size for exchange in kept)},
        {"exchanges": len(exchanges), "characters": sum(exchange.size for exchange in exchanges)},
    )


def _counted(exchanges: int) -> str:
    return "exchange" if exchanges == 1 else f"{exchanges} exchanges"


def _apology(error: ActivityError) -> str:
    cause = error.cause
    kind = cause.type if isinstance(cause, ApplicationError) and cause.type else type(cause).__name__
    return f"The model could not answer: {kind}. Your message is kept; write again to have it try once more."


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


DESCRIPTION = AgentDescription(
    name="chat",
    title="Conversation",
    description="Answers messages on a page of its own, looks up orders, and asks a person before it pays a refund.",
    workflow_type="chat",
    input_schema={
        "type": "object",
        "properties": {
            "message": {
                "type": "string",
                "title": "First message",
                "description": "May be left empty: then write on the conversation's page.",
                "maxLength": LONGEST_TEXT,
            },
            "instructions": {
                "type": "string",
                "title": "Instructions for the model",
                "description": "How it shall behave. A helpful clerk of a shop when left empty.",
                "maxLength": 4000,
            },
            "snapshot_every": {
                "type": "integer",
                "title": "Answers between two snapshots",
                "description": "Then the state goes into a file and the run continues as new.",
                "minimum": 1,
                "maximum": 100,
                "default": 20,
            },
        },
        "additionalProperties": False,
    },
    example={"message": "Hello! My name is Ada. Where is order 1001?"},
)
