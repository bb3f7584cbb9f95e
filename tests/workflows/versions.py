"""Two versions of the same two workflows. Version 2 has a command more, behind a patch."""

from __future__ import annotations

from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior

from workflows import human

PATCH = "waits-before-it-asks"


async def ask_and_say(version: str) -> dict[str, Any]:
    try:
        patched = version == "2" and workflow.patched(PATCH)
        if patched:
            await workflow.sleep(0.01)
        answer = await human.ask(title="Go on?", options=[human.approve("goes on"), human.reject("ends")])
        return {"version": version, "verdict": answer.verdict, "patched": patched}
    finally:
        await human.drain()


@workflow.defn(name="upgraded", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradedOne:
    @workflow.run
    async def run(self) -> dict[str, Any]:
        return await ask_and_say("1")


@workflow.defn(name="upgraded", versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradedTwo:
    @workflow.run
    async def run(self) -> dict[str, Any]:
        return await ask_and_say("2")


@workflow.defn(name="pinned", versioning_behavior=VersioningBehavior.PINNED)
class PinnedOne:
    @workflow.run
    async def run(self) -> dict[str, Any]:
        return await ask_and_say("1")


@workflow.defn(name="pinned", versioning_behavior=VersioningBehavior.PINNED)
class PinnedTwo:
    @workflow.run
    async def run(self) -> dict[str, Any]:
        return await ask_and_say("2")


VERSIONS = {"1": [UpgradedOne, PinnedOne], "2": [UpgradedTwo, PinnedTwo]}
