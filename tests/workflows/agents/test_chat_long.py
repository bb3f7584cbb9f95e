"""1,000 turns: no history grows long, Temporal never suggests to continue as new, nothing is lost or doubled."""

from __future__ import annotations

import time
from collections import deque
from datetime import timedelta

import pytest

from reviews.runs.models import ModelCall
from tests.workflows.agents.talking import Talk
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import World
from workflows.agents.chat import REMEMBERED
from workflows.bridge.database import in_database

TURNS = 1000
AHEAD = 25
"""Messages that wait at once: more than one snapshot's worth."""
EVERY = 20


@pytest.mark.soak
async def test_a_thousand_turns(agents: World, demo: Demo) -> None:
    began = time.monotonic()
    patience = timedelta(minutes=30)
    talk = await Talk.begin(agents, patience=patience, message="Hello, my name is Ada.", snapshot_every=EVERY)
    talk.said.append("first")
    under_way = deque(["first"])
    for number in range(1, TURNS - 1):
        under_way.append(await talk.say(f"Say something about parcel no {number}"))
        if len(under_way) > AHEAD:
            await talk.answer_to(under_way.popleft())
    for id in under_way:
        await talk.answer_to(id)
    assert await talk.ask("What is my name?") == "You said that your name is Ada."
    took = time.monotonic() - began
    open_events = (await talk.describe()).raw_description.workflow_execution_info.history_length
    await talk.end()

    lengths, sizes = [], []
    for execution in await talk.executions():
        history = await execution.fetch_history()
        lengths.append(len(history.events))
        sizes.append(sum(event.ByteSize() for event in history.events))
        suggested = [
            event.event_id
            for event in history.events
            if event.workflow_task_started_event_attributes.suggest_continue_as_new
        ]
        assert suggested == [], f"execution {len(lengths)} was told to continue as new"
    people, answers = await talk.turns("person"), await talk.turns("agent")
    assert [turn.key for turn in people] == talk.said
    assert [turn.answers for turn in answers] == talk.said
    summaries = len(lengths)  # one at each snapshot but the first that keep all, and one at the end
    assert TURNS < demo.stats()["completed"] <= TURNS + summaries
    assert max(lengths) < 1000 and max(sizes) < 2_000_000
    longest_prompt = await in_database(_longest_prompt, talk)
    assert longest_prompt < 2 * (EVERY + REMEMBERED) + 3, "the model reads the newest, and a summary"
    print(
        f"{TURNS} turns in {took:.0f} s over {len(lengths)} executions; the longest history has {max(lengths)} events "
        f"and {max(sizes) / 1000:.0f} kB; a new worker would have replayed {open_events} events at the end; the model never "
        f"read more than {longest_prompt} messages"
    )
    agents.started = agents.started[-3:]  # replaying all of them would take as long again


def _longest_prompt(talk: Talk) -> int:
    """Messages in one request to the model."""
    calls = ModelCall.objects.filter(run__workflow_id=talk.first.id).values_list("messages", flat=True)
    return max(len(messages) for messages in calls.iterator())
