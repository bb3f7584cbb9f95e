"""Every agent is started from the page, answered where it asks, and its run looked at; docs/agents.md shows it.

``PICTURES=1`` writes the drawings that docs/agents.md shows.
"""

from __future__ import annotations

import os
import re
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from agentsite.home import ROOT
from tests.browser.conftest import Photograph
from tests.support.drawing import drawing
from tests.support.processes import running, wait_until
from tests.support.site import Site
from workflows.registry import KITS, STANDARD

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
PATIENCE = 120.0
HEIGHT = 860
NAMES = [agent.name for agent in STANDARD.agents]
PICTURES = ROOT / "docs" / "pictures"
QUICK = ("refund", "research", "chat")
ENDLESS = {"chat": "chat_end"}
"""Agents that wait for more until this signal."""


@pytest.fixture(scope="module")
def at_the_desk(site: Site, chromium: Browser) -> Page:
    page = chromium.new_context(viewport={"width": 1280, "height": HEIGHT}, color_scheme="light").new_page()
    page.goto(site.signin_link())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    return page


@pytest.fixture(scope="module")
def runs(site: Site, at_the_desk: Page, request: pytest.FixtureRequest) -> dict[str, str]:
    """The run of each agent, all started from the page one after the other, so that they work at the same time."""
    names = {item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")}
    return {name: _start(site, at_the_desk, name) for name in NAMES if name in names}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.soak) for name in NAMES]
)
def test_an_agent_is_started_from_the_page_and_ends_well(
    site: Site, at_the_desk: Page, runs: dict[str, str], name: str, photograph: Photograph
) -> None:
    _see_through(site, at_the_desk, runs[name], name, photograph)


@pytest.mark.soak
@pytest.mark.parametrize("kit", [name for name in KITS if name])
def test_an_agent_in_a_framework_is_started_from_the_page_and_ends_well(
    site: Site, at_the_desk: Page, kit: str, photograph: Photograph
) -> None:
    with _worker_of(site, kit):
        name = f"support-{kit}"
        run = _start(site, at_the_desk, name)
        _see_through(site, at_the_desk, run, name, photograph)


def test_the_documentation_has_a_picture_for_each() -> None:
    shown = re.findall(r"\(pictures/([\w-]+)\.svg\)", (ROOT / "docs" / "agents.md").read_text())
    assert set(shown) == {*NAMES, *(f"support-{kit}" for kit in KITS if kit)}
    assert not [name for name in shown if not (PICTURES / f"{name}.svg").exists()]


@contextmanager
def _worker_of(site: Site, kit: str) -> Iterator[None]:
    """Beside the site's own, as docs/agents.md says it is started."""
    command = [sys.executable, str(ROOT / "manage.py"), "worker", "--agents", kit]
    environment = site.env | {
        "DATABASE_URL": site.database,
        "TEMPORAL_ADDRESS": site.temporal,
        "OPENAI_BASE_URL": site.model,
        "AGENTSITE_DEMO_MODEL": "1",
        "PAYMENTS_URL": site.payments,
    }
    log = site.home / f"worker-{kit}.log"
    with running(
        command, environment=environment, log=log, is_ready=lambda _: "Working on" in log.read_text()
    ):
        yield


def _start(site: Site, page: Page, name: str) -> str:
    """Its run's id."""
    page.goto(f"{site.web}/runs/new/?workspace=demo&agent={name}")
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile(r"/runs/[0-9a-f-]{36}/"))
    return page.url.split("/runs/")[1].split("/")[0]


def _see_through(site: Site, page: Page, run: str, name: str, photograph: Photograph) -> None:
    with site.client(site.token()) as rest:
        if name in ENDLESS:  # it answers first what was said before
            rest.post(f"/api/v1/runs/{run}/signals", json={"name": ENDLESS[name]}).raise_for_status()
        ended = wait_until(lambda: _ended(rest, run), f"{name} ends", PATIENCE)
    assert ended["status"] == "completed", ended
    page.goto(f"{site.web}/runs/{ended['id']}/")
    expect(page.locator("#run-head")).to_contain_text("completed")
    photograph(page, f"agent-{name}")
    drawn = drawing(page, HEIGHT)
    assert ">completed</text>" in drawn
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.svg").write_text(drawn)


def _ended(rest: httpx.Client, run: str) -> dict[str, Any] | None:
    """Answers what it asks with the first option, until it has ended."""
    seen: dict[str, Any] = rest.get(f"/api/v1/runs/{run}").raise_for_status().json()
    if seen["closed_at"]:
        return seen
    family = [seen, *_children(rest, seen)]
    for member in family:
        asked = rest.get("/api/v1/escalations", params={"run": member["id"], "state": "pending"}).json()
        for question in asked["items"]:
            _answer(rest, question)
    return None


def _children(rest: httpx.Client, run: dict[str, Any]) -> list[dict[str, Any]]:
    found = rest.get("/api/v1/runs", params={"workspace": "demo", "limit": 100}).json()["items"]
    return [one for one in found if one["workflow_id"].startswith(f"{run['workflow_id']}/")]


def _answer(rest: httpx.Client, question: dict[str, Any]) -> None:
    verdicts = [option["verdict"] for option in question["options"]]
    verdict = next(one for one in ("approve", "respond", "retry", "reject") if one in verdicts)
    body = {
        "verdict": verdict,
        "response": {"text": "A person says so."} if verdict == "respond" else None,
        "digest": question["digest"],
    }
    path = f"/api/v1/escalations/{question['id']}/decisions"
    rest.post(path, json=body, headers={"Idempotency-Key": str(uuid.uuid4())})
