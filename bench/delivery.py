"""Row 1: from the POST of a decision to the signal in the workflow's history, against a bare signal RPC."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

import httpx
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client

from bench.rows import Row, percentile
from tests.support.site import Site
from workflows.contracts import HUMAN_INPUT_SIGNAL

COUNT = 150
WARM_UP = 10
INPUT = {"customer": "Bench", "amount": 1, "reason": "a measurement"}


def measure(site: Site) -> list[Row]:
    return asyncio.run(_measure(site, site.token("owner")))


async def _measure(site: Site, token: str) -> list[Row]:
    client = await Client.connect(site.temporal)
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=f"{site.web}/api/v1", headers=headers, timeout=30) as rest:
        questions = [await _question(rest) for _ in range(COUNT + WARM_UP)]
    floors, figures = [], []
    with closing(HTTPConnection(urlsplit(site.web).netloc, timeout=30)) as web:
        for number, (workflow_id, question) in enumerate(questions):
            floor = await _bare_signal(client, workflow_id)
            figure = await _decide(client, web, token, workflow_id, question)
            await client.get_workflow_handle(
                workflow_id
            ).result()  # what follows from it is not in the next one's way
            if number >= WARM_UP:
                floors.append(floor)
                figures.append(figure)
    return [
        _row("p50", percentile(floors, 0.5), percentile(figures, 0.5), 25),
        _row("p99", percentile(floors, 0.99), percentile(figures, 0.99), 100),
    ]


def _row(which: str, floor: float, figure: float, allowance: float) -> Row:
    what = f"POST of a decision → signal in history, {which}"
    return Row("1", what, "ms", figure, floor + allowance, f"floor + {allowance} ms", floor)


async def _question(rest: httpx.AsyncClient) -> tuple[str, dict[str, str]]:
    body = {"workspace": "demo", "agent": "refund", "input": INPUT}
    run = (await rest.post("/runs", json=body)).raise_for_status().json()
    while True:
        asked = (await rest.get("/escalations", params={"run": run["id"]})).raise_for_status().json()["items"]
        if asked:
            return run["workflow_id"], asked[0]
        await asyncio.sleep(0.05)


async def _bare_signal(client: Client, workflow_id: str) -> float:
    """Milliseconds of the RPC alone, by a signal that the workflow does not know."""
    began = time.perf_counter()
    await client.get_workflow_handle(workflow_id).signal("bench")
    return (time.perf_counter() - began) * 1000


async def _decide(
    client: Client, web: HTTPConnection, token: str, workflow_id: str, question: dict[str, str]
) -> float:
    """Milliseconds until the time that Temporal gave the event, by the one clock of this machine."""
    body = json.dumps({"verdict": "reject", "response": None, "comment": "", "digest": question["digest"]})
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": str(uuid.uuid4()),
    }
    began = time.time()
    # Not by the client that prepared the questions: its own work would be a good part of the figure.
    web.request("POST", f"/api/v1/escalations/{question['id']}/decisions", body, headers)
    answer = web.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()
    async for event in client.get_workflow_handle(workflow_id).fetch_history_events(wait_new_event=True):
        signaled = event.workflow_execution_signaled_event_attributes
        is_signal = event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED
        if is_signal and signaled.signal_name == HUMAN_INPUT_SIGNAL:
            return (event.event_time.ToNanoseconds() / 1e9 - began) * 1000
    raise LookupError(f"{workflow_id} closed without the signal")
