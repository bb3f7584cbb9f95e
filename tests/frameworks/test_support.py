"""The support agent, made with each framework: its tool asks a person, and what is decided is done once."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from tests.frameworks.conftest import KITS, Serving, Start
from tests.workflows.agents.test_model_faults import attempts, calls, kinds, waits
from tests.workflows.agents.test_refund import ledger
from tests.workflows.llm.conftest import ROOT, Demo
from tests.workflows.world import World, until
from workflows.contracts import HEARTBEAT, MODEL_RETRY
from workflows.registry import kit

LAMP = "The lamp of order A-1002 came broken. I would like a refund."
MODEL_STEP = {
    "langgraph": "support.ask_model",
    "openai-agents": "invoke_model_activity",
    "pydantic": "agent__support__model_request",
}
"""What each framework calls the activity that asks the model."""


async def test_paid_as_decided_and_the_model_is_told(
    world: World, serving: Serving, start: Start, demo: Demo
) -> None:
    async with serving():
        approved, edited, rejected, canceled = [await start(LAMP) for _ in range(4)]
        question = await world.question(approved)
        assert question.question["title"] == "Refund 42.50 to Dora Lindqvist?"
        assert question.question["evidence"][0]["text"] == LAMP
        yes = await world.decide(question)
        less = question.question["proposal"] | {"amount": 7}
        edit = await world.decide(await world.question(edited), "edit", response=less)
        no = await world.decide(await world.question(rejected), "reject", comment="The lamp was fine.")
        for handle, decision in ((approved, yes), (edited, edit), (rejected, no)):
            await world.deliver(handle, decision)
        answers = [(await handle.result())["answer"] for handle in (approved, edited, rejected)]

        left = await world.question(canceled)
        await canceled.cancel()
        with pytest.raises(WorkflowFailureError):
            await canceled.result()

    assert "Paid 42.50 to Dora Lindqvist." in answers[0]
    assert "Paid 7.00 to Dora Lindqvist." in answers[1]
    assert "Nothing was paid" in answers[2] and "The lamp was fine." in answers[2]
    assert sorted(ledger(demo)) == sorted([(str(yes.id), 42.5), (str(edit.id), 7)])
    for decision in (yes, edit, no):
        assert (await world.delivery(decision)).state == "acted_on"
    assert (await world.now(left)).state == "withdrawn"


async def test_a_refused_payment_fails_the_run(
    world: World, serving: Serving, start: Start, demo: Demo
) -> None:
    demo.http.post(f"{demo.payments_url}/control", json={"status": 402, "times": 1}).raise_for_status()
    async with serving():
        handle = await start(LAMP)
        decision = await world.decide(await world.question(handle))
        await world.deliver(handle, decision)
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()

    causes, error = [], failed.value.cause
    while error is not None:
        causes.append(getattr(error, "type", None))
        error = error.__cause__
    assert "PaymentRefused" in causes
    assert ledger(demo) == []
    assert (await world.delivery(decision)).state == "acted_on"


async def test_a_worker_that_stops_while_a_person_thinks_is_not_missed(
    world: World, serving: Serving, start: Start, demo: Demo
) -> None:
    async with serving():
        handle = await start(LAMP)
        question = await world.question(handle)
    asked = demo.stats()["completed"]
    decision = await world.decide(question)
    await world.deliver(handle, decision)

    async with serving():
        assert "Paid 42.50" in (await handle.result())["answer"]
    assert demo.stats()["completed"] == asked + 1, "what the model said before is not asked again"
    assert ledger(demo) == [(str(decision.id), 42.5)]


async def test_every_model_call_is_recorded_and_nothing_goes_elsewhere(
    world: World, serving: Serving, start: Start, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LANGSMITH_TRACING", "LANGCHAIN_TRACING_V2"):
        monkeypatch.setenv(variable, "true")
    for variable in ("LANGSMITH_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(variable, "a key")
    hosts = looked_up(monkeypatch)
    async with serving():
        handle = await start("Where is order A-1001?")
        answer = (await handle.result())["answer"]
        await asyncio.to_thread(send_traces, name)
    assert hosts <= {"127.0.0.1", "localhost"}

    async def both() -> Any:
        found = await calls(handle)
        return found if len(found) == 2 else None

    first, last = await until(both, "two calls are recorded")
    assert [call.finish_reason for call in (first, last)] == ["tool_calls", "stop"]
    assert first.answer == '→ look_up_order {"order_id": "A-1001"}'
    assert last.answer == answer
    assert [message["role"] for message in last.messages] == ["system", "user", "assistant", "tool"]
    assert last.messages[2]["content"].startswith("→ look_up_order {"), "what it called is there to be read"
    for call in (first, last):
        assert (call.model, call.purpose, call.attempt, call.demo) == ("gpt-4o-mini", "support", 1, True)
        assert call.tokens_in and call.tokens_out and call.duration_ms >= 0
        assert call.endpoint.startswith("127.0.0.1:")
        assert not call.error


def looked_up(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """The names of hosts that anything in this process asks addresses for, from now on."""
    hosts: set[Any] = set()
    look_up = socket.getaddrinfo

    def noting(host: Any, *more: Any, **options: Any) -> Any:
        hosts.add(host.decode() if isinstance(host, bytes) else host)
        return look_up(host, *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    return hosts


def send_traces(name: str) -> None:
    """What a framework gathered to send it later, it sends now."""
    if name == "langgraph":
        from langchain_core.tracers.langchain import wait_for_all_tracers

        wait_for_all_tracers()
    if name == "openai-agents":
        from agents.tracing import get_trace_provider

        get_trace_provider().force_flush()


async def test_failures_of_the_model_are_what_they_are_elsewhere(
    world: World, serving: Serving, start: Start, name: str, demo: Demo
) -> None:
    demo.inject("rate_limit", times=1, match="A-1001", retry_after=1)
    demo.inject("error", status=400, times=9, match="A-1002")
    demo.inject("drop", times=1, match="A-1003")
    async with serving():
        limited, refused, dropped = [await start(f"Where is order A-100{number}?") for number in (1, 2, 3)]
        assert "nine days late" in (await limited.result())["answer"]
        with pytest.raises(WorkflowFailureError):
            await refused.result()
        assert "sailcloth" in (await dropped.result())["answer"]

    found = [await attempts(handle, MODEL_STEP[name], 1) for handle in (limited, refused, dropped)]
    first = [[one for one in some if one.activity_id == some[0].activity_id] for some in found]
    assert [kinds(some) for some in first] == [
        ["RateLimited", None],
        ["ValidationError"],
        ["ModelUnreachable", None],
    ]
    assert 0.9 < waits(first[0])[0] < 1.9, "what the model asked for, and not 2 s"
    assert 1.8 < waits(first[2])[0] < 3.8
    failed = [call for call in await calls(limited) if call.error]
    assert [(call.attempt, call.error["type"]) for call in failed if call.error] == [(1, "RateLimited")]

    scheduled = await world.events(limited, EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
    step = scheduled[0].activity_task_scheduled_event_attributes
    assert step.activity_type.name == MODEL_STEP[name]
    assert step.heartbeat_timeout.ToTimedelta() == HEARTBEAT
    assert step.retry_policy.maximum_attempts == MODEL_RETRY.maximum_attempts
    assert "ValidationError" in step.retry_policy.non_retryable_error_types


@pytest.mark.parametrize("name", KITS)
def test_what_can_be_started_is_what_the_worker_serves(name: str) -> None:
    served = kit(name)
    [agent] = served.agents
    assert agent.queue == served.queue == f"support-{name}"
    assert set(agent.example) == set(agent.input_schema["required"])


def test_the_standard_worker_imports_no_framework() -> None:
    program = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'agentsite.settings'; django.setup(); "
        "import workflows.worker; import workflows.llm.client; "
        "print(*{'agents', 'langchain_core', 'langgraph', 'langsmith', 'pydantic_ai'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
