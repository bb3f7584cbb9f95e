"""Row 4: server time of inbox, runs and run pages at 1,000,000 runs, 100,000 pending questions, 10,000,000 events.

Asked of a real ``manage.py web`` over one kept connection, against an address of the same middleware that does
nothing. Only run when it is named (``python -m bench 4``): the rows take minutes to make, the first time.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx

from agentsite.ports import choose_free_ports
from bench.database import database
from bench.generate import filled
from bench.rows import Row, percentile
from tests.support.processes import wait_until

ROUNDS = 40
WARM_UP = 3
BUDGET_MS = 50
MOST_QUERIES = 10
DEEPER = 1.2
PAIRS = {
    "inbox, deep": "inbox",
    "runs, deep": "runs",
    "runs, flat, deep": "runs, flat",
    "runs, a status, deep": "runs, a status",
}


def measure() -> list[Row]:
    with database() as environment:
        filled(environment)
        seen = _look(environment)
        times, floor = _times(environment, seen)
    rows = [_row(what, f"{what}, p95", percentile(taken, 0.95), floor) for what, taken in times.items()]
    rows += [
        _depth(deep, percentile(times[deep], 0.5), percentile(times[first], 0.5))
        for deep, first in PAIRS.items()
    ]
    most = max(seen["visits"], key=lambda visit: visit["queries"])
    return [
        *rows,
        Row("4", f"queries, most: {most['what']}", "", most["queries"], MOST_QUERIES, f"≤ {MOST_QUERIES}"),
    ]


def _row(what: str, words: str, figure: float, floor: float) -> Row:
    return Row("4", words, "ms", figure, BUDGET_MS, f"≤ {BUDGET_MS} ms", floor)


def _depth(what: str, deep: float, first: float) -> Row:
    return Row("4", f"{what}, p50, by page 1", "ms", deep, DEEPER * first, f"≤ {DEEPER} × page 1", first)


def _look(environment: Mapping[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.visits"], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    seen: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return seen


def _times(environment: Mapping[str, str], seen: dict[str, Any]) -> tuple[dict[str, list[float]], float]:
    """Milliseconds of each address, all of them in turn, and the floor's p95 of the same rounds."""
    (port,) = choose_free_ports(1)
    web = subprocess.Popen([sys.executable, "manage.py", "web"], env=dict(environment) | {"PORT": str(port)})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", cookies=seen["session"], timeout=60) as client:
            wait_until(lambda: _answers(client), "the web answers")
            addresses = {"floor": "/healthz"} | {visit["what"]: visit["address"] for visit in seen["visits"]}
            times: dict[str, list[float]] = {what: [] for what in addresses}
            for number in range(ROUNDS + WARM_UP):
                for what, address in addresses.items():
                    taken = _ask(client, address)
                    if number >= WARM_UP:
                        times[what].append(taken)
    finally:
        web.terminate()
        web.wait(10)
    return times, percentile(times.pop("floor"), 0.95)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def _ask(client: httpx.Client, address: str) -> float:
    began = time.perf_counter()
    client.get(address).raise_for_status()
    return (time.perf_counter() - began) * 1000
