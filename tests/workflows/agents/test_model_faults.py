"""A model call's troubles, each treated as it deserves, every attempt and wait on record (mission, row 12)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError

from reviews.runs.models import Attempt, ModelCall
from tests.workflows.llm.conftest import Demo
from tests.workflows.world import Handle, World, until
from workflows.bridge.database import in_database
from workflows.contracts import MODEL_RETRY
from workflows.llm.calls import CORRECTION


async def attempts(handle: Handle, activity: str, count: int) -> list[Attempt]:
    """All attempts of the activity, once so many have ended."""
    rows = Attempt.objects.filter(run__workflow_id=handle.id, activity_type=activity).order_by("number")

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


async def test_each_trouble_gets_its_own_wait(agents: World, demo: Demo) -> None:
    demo.inject("error", times=2, match="oak")
    demo.inject("rate_limit", times=1, match="birch", retry_after=1)
    demo.inject("malformed_json", times=1, match="larch")
    demo.inject("drop", times=1, match="maple")
    names = ("oak", "birch", "larch", "maple")
    handles = {name: await research(agents, f"How tall is the {name}?") for name in names}
    await asyncio.gather(*(handle.result() for handle in handles.values()))

    oak = await attempts(handles["oak"], "generate_plan", 3)
    assert kinds(oak) == ["ModelServerError", "ModelServerError", None]
    first, second = waits(oak)
    assert 1.8 < first < 3.8 and 3.8 < second < 6.5, "2 s, then twice that"

    birch = await attempts(handles["birch"], "generate_plan", 2)
    assert kinds(birch) == ["RateLimited", None]
    assert birch[0].failure is not None
    assert birch[0].failure["next_retry_seconds"] == 1
    assert 0.9 < waits(birch)[0] < 1.9, "what the model asked for, and not 2 s"

    assert kinds(await attempts(handles["larch"], "generate_plan", 2)) == ["MalformedAnswer", None]
    told = [call.messages[-1]["content"] for call in await calls(handles["larch"]) if call.purpose == "plan"]
    assert CORRECTION not in told[0]
    assert f"{CORRECTION} the answer is not JSON: " in told[1], "the model is told what the parser said"
    assert kinds(await attempts(handles["maple"], "generate_plan", 2)) == ["ModelUnreachable", None]

    made = await calls(handles["oak"])
    failed = [call for call in made if call.error]
    assert [(call.activity_id, call.attempt, call.error["type"]) for call in failed if call.error] == [
        (oak[0].activity_id, 1, "ModelServerError"),
        (oak[0].activity_id, 2, "ModelServerError"),
    ]
    assert all(call.demo and call.answer and call.tokens_out for call in made if not call.error)


async def test_what_another_try_would_not_mend_is_not_tried_again(agents: World, demo: Demo) -> None:
    demo.inject("error", status=400, times=9, match="elm")
    demo.inject("error", status=401, times=9, match="fir")
    for name, kind in (("elm", "ValidationError"), ("fir", "ModelAuthentication")):
        handle = await research(agents, f"How tall is the {name}?")
        with pytest.raises(WorkflowFailureError):
            await handle.result()
        found = await attempts(handle, "generate_plan", 1)
        assert kinds(found) == [kind]
        assert found[0].failure is not None
        assert found[0].failure["retryable"] is False


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
