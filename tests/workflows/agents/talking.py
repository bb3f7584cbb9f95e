"""Speaking with ``chat``, as the courier does, and reading what it says."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowExecutionDescription

from reviews.conversations.models import Turn
from tests.workflows.world import PATIENCE, Handle, World, until
from workflows.bridge.database import in_database
from workflows.contracts import AGENTS_QUEUE


@dataclass
class Talk:
    """One conversation, whichever of its executions is open."""

    world: World
    first: Handle
    said: list[str] = field(default_factory=list)

    @classmethod
    async def begin(cls, world: World, *, patience: timedelta = PATIENCE, **input: Any) -> Talk:
        """``patience`` is for the whole of it."""
        options = {"task_queue": AGENTS_QUEUE, "execution_timeout": patience}
        return cls(world, await world.start("chat", input, **options))

    async def say(self, text: str, *, id: str | None = None) -> str:
        """The id of the message."""
        id = id or str(uuid.uuid4())
        await self._signal("chat_message", {"id": id, "text": text, "by": "Ada"})
        self.said.append(id)
        return id

    async def ask(self, text: str) -> str:
        """What is answered, in words."""
        return (await self.answer_to(await self.say(text))).text

    async def answer_to(self, id: str, timeout: float = 30.0) -> Turn:
        mine = Turn.objects.filter(conversation__workflow_id=self.first.id, answers=id)

        async def answered() -> Turn | None:
            return await in_database(lambda: mine.first())

        return await until(answered, f"message {id} is answered", timeout)

    async def end(self) -> dict[str, Any]:
        """The result of the conversation."""
        await self._signal("chat_end", None)
        return await self.end_of_it()

    async def end_of_it(self) -> dict[str, Any]:
        result: dict[str, Any] = await self.world.client.get_workflow_handle(self.first.id).result()
        return result

    async def turns(self, *roles: str) -> list[Turn]:
        mine = Turn.objects.filter(conversation__workflow_id=self.first.id).order_by("number")
        found = await in_database(lambda: list(mine.all()))
        return [turn for turn in found if not roles or turn.role in roles]

    async def executions(self) -> list[Handle]:
        """All of the chain, the oldest first."""
        found, handle = [], self.first
        while True:
            found.append(handle)
            last = (await handle.fetch_history()).events[-1]
            if last.event_type != EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
                return found
            next_id = last.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
            handle = self.world.client.get_workflow_handle(self.first.id, run_id=next_id)
            self.world.started.append(handle)

    async def describe(self) -> WorkflowExecutionDescription:
        """Of the newest execution."""
        return await self.world.client.get_workflow_handle(self.first.id).describe()

    async def _signal(self, name: str, value: Any) -> None:
        await self.world.client.get_workflow_handle(self.first.id).signal(name, value)
