"""Rows 2, 6 and 9: from one browser's click to another's page, a thousand sockets, and the scripts of a page."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import uuid
from statistics import median
from typing import Any

import httpx
import psutil
import psycopg
from playwright.sync_api import Browser, Page, Response, sync_playwright
from temporalio.client import Client
from websockets.asyncio.client import ClientConnection, connect

from bench.rows import Row, percentile
from tests.support.chromium import find_chromium
from tests.support.site import Site
from workflows.contracts import HUMAN_INPUT_SIGNAL

CLICKS = 15
SOCKETS = 1_000
CHANGES = 10
INPUT = {"customer": "Bench", "amount": 1, "reason": "a measurement"}
WATCH = """
  window.seen = null;
  const look = () => { if (document.querySelector("#run-head").innerText.includes("completed")) seen ??= Date.now(); };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
"""


def between_browsers(site: Site) -> list[Row]:
    """Row 2. Both times are of this machine's one clock."""
    floor = asyncio.run(_signal_to_result(site))
    with sync_playwright() as playwright, site.client(site.token("owner")) as rest:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        one, other = _signed_in(site, browser), _signed_in(site, browser)
        figures = [_click_to_page(rest, one, other) for _ in range(CLICKS)]
        browser.close()
    what = "click → another browser's run page, p50"
    return [Row("2", what, "ms", median(figures), 1.5 * floor + 60, "1.5 × floor + 60 ms", floor)]


async def _signal_to_result(site: Site) -> float:
    """Milliseconds from a bare signal with an approval until the workflow has paid and ended; the median."""
    client = await Client.connect(site.temporal)
    took = []
    with site.client(site.token("owner")) as rest:
        for _ in range(CLICKS):
            run, question = _question(rest)
            handle = client.get_workflow_handle(run["workflow_id"])
            answer = {
                "decision_id": str(uuid.uuid4()), "escalation_id": question["id"], "verdict": "approve",
                "response": None, "comment": "", "reviewer": {"id": str(uuid.uuid4()), "name": "bench"},
                "decided_at": "2026-01-01T00:00:00Z", "digest": question["digest"],
            }  # fmt: skip
            began = time.perf_counter()
            await handle.signal(HUMAN_INPUT_SIGNAL, answer)
            await handle.result()
            took.append((time.perf_counter() - began) * 1000)
    return median(took)


def _click_to_page(rest: httpx.Client, one: Page, other: Page) -> float:
    run, question = _question(rest)
    one.goto(question["url"])
    other.goto(run["url"])
    for page in (one, other):
        page.wait_for_selector("[data-live-state=Live]", state="attached")
    other.evaluate(WATCH)
    one.wait_for_timeout(500)  # a key right after the page came does nothing
    began = one.evaluate(
        "() => { const at = Date.now(); document.querySelector('[data-key=a]').click(); return at; }"
    )
    while (seen := other.evaluate("window.seen")) is None:
        other.wait_for_timeout(20)
    return float(seen - began)


def _question(rest: httpx.Client) -> tuple[dict[str, Any], dict[str, Any]]:
    body = {"workspace": "demo", "agent": "refund", "input": INPUT}
    run = rest.post("/api/v1/runs", json=body).raise_for_status().json()
    while True:
        asked = rest.get("/api/v1/escalations", params={"run": run["id"]}).raise_for_status().json()["items"]
        if asked:
            return run, asked[0]
        time.sleep(0.05)


def _signed_in(site: Site, browser: Browser) -> Page:
    page = browser.new_context().new_page()
    page.goto(site.signin_link("owner"))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.web}/")
    return page


def sockets(site: Site) -> list[Row]:
    """Row 6, by plain clients in this process: what they take of the machine is in the figure."""
    return asyncio.run(_sockets(site, site.token("owner")))


async def _sockets(site: Site, token: str) -> list[Row]:
    address = site.web.replace("http", "ws", 1) + "/live/"
    with psycopg.connect(site.database, autocommit=True) as database:
        found = database.execute("SELECT id FROM reviews_workspace WHERE slug = 'demo'").fetchone()
        assert found is not None
        subject = f"runs:{found[0]}"
        web = psutil.Process(site.children()["web"].pid)
        before = web.memory_full_info().pss
        pages = await _open(address, token, subject)
        size = (web.memory_full_info().pss - before) / SOCKETS / 1000
        lasts = []
        for _ in range(CHANGES):
            waiting = [asyncio.create_task(_told(page, subject)) for page in pages]
            await asyncio.sleep(0.3)
            database.execute(
                "INSERT INTO reviews_change (workspace_id, topic, object_id) VALUES (%s, 'runs', %s)",
                [found[0], str(found[0])],
            )
            began = time.perf_counter()
            database.execute("NOTIFY agentsite_changes")
            lasts.append(max(await asyncio.gather(*waiting)) - began)
        await asyncio.gather(*(page.close() for page in pages))
    return [
        Row(
            "6", f"{SOCKETS:,} sockets, one change: the last is told, p50", "s", median(lasts), 0.3, "≤ 0.3 s"
        ),
        Row("6", "the same, the slowest of ten changes", "s", percentile(lasts, 1), 0.3, "≤ 0.3 s"),
        Row("6", "memory of the web process a socket (PSS)", "kB", size, 200, "reported"),
    ]


async def _open(address: str, token: str, subject: str) -> list[ClientConnection]:
    pages: list[ClientConnection] = []
    for _ in range(0, SOCKETS, 50):
        pages += await asyncio.gather(*(_listening(address, token, subject) for _ in range(50)))
    return pages


async def _listening(address: str, token: str, subject: str) -> ClientConnection:
    page = await connect(
        address, additional_headers={"Authorization": f"Bearer {token}"}, compression=None, open_timeout=60
    )
    await page.send(json.dumps({"listen": [subject], "cursor": ""}))
    while "listening" not in json.loads(await page.recv()):
        pass
    return page


async def _told(page: ClientConnection, subject: str) -> float:
    while subject not in json.loads(await page.recv()).get("changed", ()):
        pass
    return time.perf_counter()


def scripts(site: Site) -> list[Row]:
    """Row 9: all scripts of a page, each compressed as a server would send it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = _signed_in(site, browser)
        sizes: list[int] = []

        def measure(response: Response) -> None:
            if response.request.resource_type == "script":
                sizes.append(len(gzip.compress(response.body(), 6)))

        page.on("response", measure)
        page.goto(f"{site.web}/runs/", wait_until="networkidle")
        browser.close()
    return [Row("9", "scripts of a page, gzipped", "kB", sum(sizes) / 1000, 60, "≤ 60 kB")]
