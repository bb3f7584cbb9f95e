"""Row 5: the events of a long run in chromium, against Temporal's own page of the same history in the same run."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from bench.history_flow import QUEUE, BenchHistory, note
from bench.rows import Row
from tests.support.chromium import find_chromium
from tests.support.site import Site

SIZES = (900, 9_000, 43_000)
LOOKS = 3
QUIET = 1.5
"""Seconds without a request after which a page is taken to be done."""
PATIENCE = 40.0
OURS = "li[id^='event-']"
TEMPORALS = "[data-testid='event-summary-row']"
WATCH = """
  window.bench = { rows: null, longest: 0 };
  new PerformanceObserver((list) => {
    for (const task of list.getEntries()) bench.longest = Math.max(bench.longest, task.duration);
  }).observe({ type: "longtask", buffered: true });
  const look = () => {
    if (bench.rows === null && document.querySelector(%r)) bench.rows = performance.now();
    if (bench.rows === null) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
"""


@dataclass
class Look:
    """One visit: seconds until rows were there, requests, MB of JavaScript heap, the longest task in ms."""

    rows: float
    requests: int
    heap: float
    task: float


@dataclass
class History:
    workflow_id: str
    run_id: str
    page: str = ""
    ours: list[Look] = field(default_factory=list)
    temporals: list[Look] = field(default_factory=list)


def measure(site: Site) -> list[Row]:
    histories = dict(zip(SIZES, asyncio.run(_make(site)), strict=True))
    for history in histories.values():
        history.page = _mirrored(site, history)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        _look_at_all(site, browser, histories)
        browser.close()
    return _rows(histories)


async def _make(site: Site) -> list[History]:
    client = await Client.connect(site.temporal)
    worker = Worker(
        client, task_queue=QUEUE, workflows=[BenchHistory], activities=[note],
        workflow_runner=UnsandboxedWorkflowRunner(),
    )  # fmt: skip
    async with worker:
        handles = [
            await client.start_workflow(
                BenchHistory.run, size, id=f"bench-{size}-{time.time_ns()}", task_queue=QUEUE
            )
            for size in SIZES
        ]
        for handle in handles:
            await handle.result()
    return [History(handle.id, handle.first_execution_run_id or "") for handle in handles]


def _mirrored(site: Site, history: History) -> str:
    """The address of the run's page, once the mirror has all of it."""
    command = [sys.executable, "-m", "bench.adopt", history.workflow_id, history.run_id]
    environment = site.env | {"DATABASE_URL": site.database}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    id = done.stdout.splitlines()[-1]
    with site.client(site.token("owner")) as rest:
        _until(lambda: _is_closed(rest, id), f"{history.workflow_id} is mirrored")
    return f"{site.web}/runs/{id}/?tab=events"


def _is_closed(rest: httpx.Client, id: str) -> bool:
    status: str = rest.get(f"/api/v1/runs/{id}").raise_for_status().json()["status"]
    return status == "completed"


def _until(condition: Callable[[], bool], what: str, timeout: float = 120.0) -> None:
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout:.0f} s: {what}")
        time.sleep(0.2)


def _look_at_all(site: Site, browser: Browser, histories: dict[int, History]) -> None:
    """In turn, so that what the machine does meanwhile falls on all alike. Every visit finds an empty cache."""
    session = _signed_in(site, browser)
    for number in range(LOOKS):
        for history in histories.values():
            history.ours.append(_look(browser, history.page, OURS, session))
            if number == 0:
                address = f"{site.endpoints['temporal_ui']}/namespaces/default/workflows"
                address += f"/{history.workflow_id}/{history.run_id}/history"
                history.temporals.append(_look(browser, address, TEMPORALS))


def _signed_in(site: Site, browser: Browser) -> BrowserContext:
    context = browser.new_context()
    page = context.new_page()
    page.goto(site.signin_link("owner"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.web}/")
    page.close()
    return context


def _look(browser: Browser, address: str, rows: str, session: BrowserContext | None = None) -> Look:
    context = browser.new_context(
        storage_state=session.storage_state() if session else None, viewport={"width": 1440, "height": 1000}
    )
    page = context.new_page()
    page.add_init_script(WATCH % rows)
    requests: list[float] = []
    page.on("request", lambda _: requests.append(time.monotonic()))
    page.goto(address, wait_until="commit")
    _until(lambda: page.evaluate("bench.rows !== null"), f"rows of {address}", PATIENCE)
    _settle(page, requests)
    asked = len(requests)
    heap = context.new_cdp_session(page).send("Runtime.getHeapUsage")["usedSize"] / 1e6
    if session:
        _read_on(page)
    seen = page.evaluate("bench")
    context.close()
    return Look(seen["rows"] / 1000, asked, heap, seen["longest"])


def _settle(page: Page, requests: list[float]) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < min(end, requests[-1] + QUIET):
        page.wait_for_timeout(100)


def _read_on(page: Page) -> None:
    """Scroll through some of what follows: no task may be long then either."""
    for _ in range(15):
        page.mouse.wheel(0, 4000)
        page.wait_for_timeout(60)


def _rows(histories: dict[int, History]) -> list[Row]:
    small, large = histories[SIZES[0]], histories[SIZES[-1]]
    found = []
    for size, history in histories.items():
        ours, theirs = _typical(history.ours), _typical(history.temporals)
        at = f"{size:,} events in chromium"
        found += [
            Row("5", f"{at}: first rows", "s", ours.rows, 0.4, "≤ 0.4 s; floor: Temporal's", theirs.rows),
            Row("5", f"{at}: requests", "", ours.requests, 20, "≤ 20", theirs.requests),
            Row("5", f"{at}: heap", "MB", ours.heap, 25, "≤ 25 MB", theirs.heap),
            Row("5", f"{at}: longest task", "ms", ours.task, 50, "≤ 50 ms", theirs.task),
        ]
    floor = _typical(small.ours).rows
    figure = _typical(large.ours).rows
    what = f"first rows, {SIZES[-1]:,} against {SIZES[0]} events"
    return [*found, Row("5", what, "s", figure, 1.5 * floor, "1.5 × floor", floor)]


def _typical(looks: list[Look]) -> Look:
    return Look(
        rows=median(look.rows for look in looks),
        requests=round(median(look.requests for look in looks)),
        heap=median(look.heap for look in looks),
        task=median(look.task for look in looks),
    )
