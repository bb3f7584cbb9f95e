"""A model call's troubles, each treated as it deserves, every attempt and wait on record (mission, row 12)."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage
from pytest_django.fixtures import Settings
from temporalio.client import WorkflowFailureError

from reviews.artifacts import actions as artifacts
from reviews.runs import rates
from reviews.runs.models import Attempt, ModelCall, ModelRate
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import PATIENCE, Handle, World, until
from workflows.activities import model
from workflows.bridge.database import in_database
from workflows.contracts import MODEL_RETRY
from workflows.limiting import SharedLimiter
from workflows.llm.calls import CORRECTION


async def attempts(handle: Handle, activity: str, count: int) -> list[Attempt]:
    """All attempts of the activity, once so many have ended."""
    rows = Attempt.objects.filter(run__workflow_id=handle.id, activity_type=activity).order_by(
        "started_at", "number"
    )

    async def ended() -> list[Attempt] | None:
        found = await in_database(lambda: list(rows.all()))
        return found if len([one for one in found if one.ended_at]) >= count else None

    return await until(ended, f"{count} attempts of {activity} are recorded")


def waits(found: list[Attempt]) -> list[float]:
    """Seconds between the end of each attempt and the start of the next."""
    pairs = pairwise(found)
    return [
        (later.started_at - earlier.ended_at).total_seconds() for earlier, later in pairs if earlier.ended_at
    ]


def kinds(found: list[Attempt]) -> list[str | None]:
    return [one.failure["type"] if one.failure else None for one in found]


async def calls(handle: Handle) -> list[ModelCall]:
    return await in_database(
        lambda: list(ModelCall.objects.filter(run__workflow_id=handle.id).order_by("started_at"))
    )


def test_the_policy_is_that_of_the_mission() -> None:
    assert MODEL_RETRY.initial_interval == timedelta(seconds=2)
    assert MODEL_RETRY.backoff_coefficient == 2
    assert MODEL_RETRY.maximum_interval == timedelta(seconds=60)
    assert MODEL_RETRY.maximum_attempts == 5
    assert MODEL_RETRY.non_retryable_error_types == ["ValidationError"]


async def research(agents: World, query: str) -> Handle:
    return await agents.start_agent("research", {"query": query})


@dataclass(frozen=True)
class Case:
    """A trouble, and what it deserves: the kind of each failure, the seconds before each next try, the outcome."""

    fault: dict[str, Any]
    kinds: Sequence[str]
    waits: Sequence[tuple[float, float]] = ()
    activity: str = "generate_plan"
    prompt: str = ""
    told: str = ""

    @property
    def is_mended(self) -> bool:
        return bool(self.waits)


FIRST, SECOND = (1.8, 3.8), (3.8, 6.5)
"""2 s, then twice that."""
CASES = {
    "birch": Case({"kind": "rate_limit", "retry_after": 1}, ["RateLimited"], [(0.9, 1.9)]),
    "rowan": Case({"kind": "rate_limit", "retry_after": "in 4 s"}, ["RateLimited"], [(2.0, 5.0)]),
    "beech": Case({"kind": "timeout"}, ["ModelTimeout"], [FIRST]),
    "maple": Case({"kind": "drop"}, ["ModelUnreachable"], [FIRST]),
    "oak": Case({"kind": "error", "times": 2}, ["ModelServerError"] * 2, [FIRST, SECOND]),
    "hazel": Case(
        {"kind": "malformed_json"}, ["MalformedAnswer"], [FIRST], "synthesize_report", "from the findings.\nQuery: "
    ),
    "larch": Case({"kind": "malformed_json"}, ["MalformedAnswer"], [FIRST], told="the answer is not JSON: "),
    "alder": Case({"kind": "wrong_shape"}, ["MalformedAnswer"], [FIRST], told="another shape at /tasks/0"),
    "pear": Case({"kind": "huge"}, ["MalformedAnswer"], [FIRST], told="longer than 500,000 characters"),
    "elm": Case({"kind": "error", "status": 400}, ["ValidationError"]),
    "fir": Case({"kind": "error", "status": 401}, ["ModelAuthentication"]),
    "plum": Case({"kind": "error", "status": 429, "code": "insufficient_quota"}, ["QuotaExhausted"]),
    "yew": Case({"kind": "refuse"}, ["ContentFiltered"]),
    "ash": Case({"kind": "error", "status": 400, "code": "context_length_exceeded"}, ["ContextTooLong"]),
}  # fmt: skip


async def test_each_trouble_is_treated_as_it_deserves(
    agents: World, demo: Demo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        model, "MARGIN", PATIENCE.total_seconds() - 5
    )  # a call gets 5 s: no activity outlives its run
    monkeypatch.setattr(SharedLimiter, "hold", passes)  # one trouble must not slow down the others
    handles = {name: await troubled(agents, demo, name, case) for name, case in CASES.items()}
    outcomes = dict(zip(handles, await asyncio.gather(*map(outcome, handles.values())), strict=True))
    for name, case in CASES.items():
        found = await attempts(handles[name], case.activity, len(case.kinds) + case.is_mended)
        assert kinds(found) == [*case.kinds, *([None] if case.is_mended else [])], name
        for wait, (least, most) in zip(waits(found), case.waits, strict=True):
            assert least < wait < most, f"{name} waited {wait:.1f} s"
        assert all((one.failure or {}).get("retryable", True) == case.is_mended for one in found), name
        assert outcomes[name] == ("completed" if case.is_mended else "failed"), name
        if case.told:
            await the_model_is_told(handles[name], case.told)
    await each_failure_is_among_the_calls(handles["oak"])
    await nothing_is_huge(handles["pear"])


async def troubled(agents: World, demo: Demo, name: str, case: Case) -> Handle:
    query = f"How tall is the {name}?"
    fault = case.fault | {"match": f"{case.prompt}{query}"}
    if fault.get("retry_after") == "in 4 s":
        fault["retry_after"] = email.utils.format_datetime(
            datetime.now(UTC) + timedelta(seconds=4), usegmt=True
        )
    demo.inject(**fault)
    return await research(agents, query)


async def passes(*args: object) -> None:
    """In place of what would be done."""


async def outcome(handle: Handle) -> str:
    try:
        await handle.result()
    except WorkflowFailureError:
        return "failed"
    return "completed"


async def the_model_is_told(handle: Handle, fault: str) -> None:
    prompts = [call.messages[-1]["content"] for call in await calls(handle) if call.purpose == "plan"]
    assert CORRECTION not in prompts[0]
    assert f"{CORRECTION} " in prompts[1] and fault in prompts[1]


async def each_failure_is_among_the_calls(handle: Handle) -> None:
    made = await calls(handle)
    failed = [(call.attempt, call.error["type"]) for call in made if call.error]
    assert failed == [(1, "ModelServerError"), (2, "ModelServerError")]
    assert all(call.demo and call.answer and call.tokens_out for call in made if not call.error)


async def nothing_is_huge(handle: Handle) -> None:
    """Ten million characters were sent: neither the history nor a row has taken them in."""
    history = await handle.fetch_history()
    assert sum(event.ByteSize() for event in history.events) < 200_000
    assert all(len(call.answer) < 64_000 for call in await calls(handle))


async def the_next_slot_comes_too_late(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call gets 2 s, of which one may be spent on waiting; the slot comes in 2.5."""
    settings.MODEL_LIMITS = '{"gpt-4o-mini": {"requests_per_minute": 24}}'
    key, limits = rates.limits_of("gpt-4o-mini")
    await in_database(rates.reserve, key, 0, limits)
    monkeypatch.setattr(model, "MARGIN", PATIENCE.total_seconds() - 2)


async def test_a_slot_that_comes_too_late_is_kept_for_the_next_attempt(
    agents: World, demo: Demo, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    await the_next_slot_comes_too_late(settings, monkeypatch)
    handle = await agents.start_agent("escalation", {"task": "Write a haiku."})
    assert (await handle.result())["outcome"] == "done"
    found = await attempts(handle, "attempt_task", 2)
    assert kinds(found) == ["RateLimited", None]
    assert 2.0 < waits(found)[0] < 5
    ahead = (await in_database(ModelRate.objects.get)).requests_at - found[0].started_at
    assert ahead < timedelta(seconds=5.5), "two slots were taken, and not a third one"
    assert demo.stats()["received"] == 1


async def test_a_slot_that_was_used_is_not_used_again(
    agents: World, demo: Demo, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the attempt that used it failed at once: a model in trouble must not be asked faster."""
    await the_next_slot_comes_too_late(settings, monkeypatch)
    demo.inject("error", status=500)
    handle = await agents.start_agent("escalation", {"task": "Write a haiku."})
    assert (await handle.result())["outcome"] == "done"
    found = await attempts(handle, "attempt_task", 3)
    assert kinds(found)[:2] == ["RateLimited", "ModelServerError"]
    ahead = (await in_database(ModelRate.objects.get)).requests_at - found[0].started_at
    assert ahead > timedelta(seconds=7), "the third call took a third slot"


async def test_what_a_model_writes_is_told_as_it_comes(agents: World, demo: Demo) -> None:
    demo.inject("slow", seconds=3, match="How tall is the teak?")
    handle = await research(agents, "How tall is the teak?")
    seen: dict[int, str] = {}
    plan = Attempt.objects.filter(run__workflow_id=handle.id, activity_type="generate_plan")

    async def three_lengths() -> bool:
        found = await in_database(lambda: plan.filter(ended_at=None).first())
        if found and found.progress and found.progress["characters"]:
            seen[found.progress["characters"]] = found.progress["text"]
        return len(seen) >= 3

    await until(three_lengths, "the text grows")
    await handle.result()
    answer = next(call.answer for call in await calls(handle) if call.purpose == "plan")
    assert all(answer[:count].endswith(text) for count, text in seen.items())


async def test_a_report_waits_for_storage_and_its_page_says_why(
    agents: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = tmp_path / "files"
    place.write_text("no folder")
    with monkeypatch.context() as broken:
        broken.setattr(artifacts, "default_storage", FileSystemStorage(location=place))
        handle = await research(agents, "Which trees float?")
        first = (await attempts(handle, "store_report", 1))[0]
    assert first.failure is not None
    assert first.failure["type"] == "StorageFailed"
    assert "could not be stored, and is tried again" in first.failure["message"]
    assert (await handle.result())["report"]["version"] == 1


async def test_a_task_is_researched_by_its_own_text_and_the_report_is_stored_once(
    agents: World, demo: Demo
) -> None:
    handle = await research(agents, "Which trees grow fastest?")
    result: dict[str, Any] = await handle.result()
    await attempts(handle, "store_report", 1)
    made = await calls(handle)

    assert len(made) == result["tasks"] + 2
    tasks = [call for call in made if call.purpose.startswith("research: ")]
    for call in tasks:
        others = [other.purpose.removeprefix("research: ") for other in tasks if other.id != call.id]
        prompt = call.messages[-1]["content"]
        assert call.purpose.removeprefix("research: ") in prompt
        assert not [name for name in others if name in prompt], "no other task's text"
    stored = await in_database(stored_version, result["report"]["version_id"])
    assert stored == (result["report"]["path"], 1, result["report"]["size"])


def stored_version(version_id: str) -> tuple[str, int, int]:
    from reviews.artifacts.models import Version

    version = Version.objects.select_related("artifact", "blob").get(id=version_id)
    return version.artifact.path, version.number, version.blob.size
