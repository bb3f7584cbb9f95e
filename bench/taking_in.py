"""A process that takes one history in, again and again: ``python -m bench.taking_in WORKFLOW RUN ROUNDS``.

Prints ``{"events", "fetched", "taken_in"}``: events, and events a second barely fetched and taken in.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")


async def main() -> None:
    django.setup()
    from reviews.outbox import actions as outbox
    from reviews.runs import mirroring
    from workflows.bridge.database import in_database
    from workflows.bridge.lease import Lease
    from workflows.bridge.mirror import Mirror
    from workflows.engine.connect import connect

    workflow_id, run_id, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    client = await connect()
    epoch = await in_database(outbox.raise_epoch, "bench", 0)  # the site's own bridge steps back
    mirror = Mirror(client, Lease(None, epoch))  # type: ignore[arg-type]
    fetched, taken_in, events = 0.0, 0.0, 0
    for _ in range(rounds):
        began = time.perf_counter()
        handle = client.get_workflow_handle(workflow_id, run_id=run_id)
        events = len([event async for event in handle.fetch_history_events()])
        fetched = max(fetched, events / (time.perf_counter() - began))
        run = await in_database(mirroring.adopt, "default", workflow_id, run_id)
        await in_database(run.delete)
        run = await in_database(mirroring.adopt, "default", workflow_id, run_id)
        began = time.perf_counter()
        run = await mirror.catch_up(run)
        taken_in = max(taken_in, events / (time.perf_counter() - began))
        assert run.history_whole
        assert run.last_event_id == events
    print(json.dumps({"events": events, "fetched": fetched, "taken_in": taken_in}))
    os._exit(0)


if __name__ == "__main__":
    asyncio.run(main())
