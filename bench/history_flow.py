"""A workflow whose history grows fast: timers that are started and canceled, and a few activities in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

QUEUE = "bench-histories"
TIMERS, ACTIVITIES = 400, 10
REST = 3 * ACTIVITIES + 15
"""Events of a round beside its timers."""


@activity.defn(name="note")
async def note(number: int) -> str:
    return f"noted {number}"


@workflow.defn(name="BenchHistory")
class BenchHistory:
    @workflow.run
    async def run(self, events: int) -> int:
        """Ends with about so many events."""
        canceled = 0  # asked for, and not yet in the history
        while (left := events - workflow.info().get_current_history_length() - canceled) > REST:
            canceled = min(TIMERS, max(1, (left - REST) // 2))
            await self._round(canceled)
        return workflow.info().get_current_history_length()

    async def _round(self, timers: int) -> None:
        waits = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(timers)]
        await asyncio.gather(
            *(
                workflow.execute_activity(note, number, start_to_close_timeout=timedelta(seconds=30))
                for number in range(ACTIVITIES)
            )
        )
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
