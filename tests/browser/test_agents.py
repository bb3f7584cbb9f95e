"""Every agent is started from the page, answered where it asks, and its run looked at; docs/agents.md shows it.

``PICTURES=1`` writes the drawings that docs/agents.md shows.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from agentsite.home import ROOT
from tests.support.drawing import drawing
from tests.support.processes import wait_until
from tests.support.site import Site
from workflows.registry import STANDARD

pytestmark = pytest.mark.browser
PATIENCE = 120.0
HEIGHT = 860
NAMES = [agent.name for agent in STANDARD.agents]
PICTURES = ROOT / "docs" / "pictures"
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
def runs(site: Site, at_the_desk: Page) -> dict[str, str]:
    """The run of each agent, all started from the page one after the other, so that they work at the same time."""
    started = {}
    for name in NAMES:
        at_the_desk.goto(f"{site.web}/runs/new/?workspace=demo&agent={name}")
        at_the_desk.get_by_role("button", name="Start run").click()
        at_the_desk.wait_for_url("**/runs/*/**")
        started[name] = at_the_desk.url.split("/runs/")[1].split("/")[0]
    return started


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_is_started_from_the_page_and_ends_well(
    site: Site, at_the_desk: Page, runs: dict[str, str], name: str, screenshots: Path
) -> None:
    with site.client(site.token()) as rest:
        ended = wait_until(lambda: _ended(rest, runs[name], name), f"{name} ends", PATIENCE)
    assert ended["status"] == "completed", ended
    at_the_desk.goto(f"{site.web}/runs/{ended['id']}/")
    expect(at_the_desk.locator("#run-head")).to_contain_text("completed")
    at_the_desk.screenshot(path=screenshots / f"agent-{name}.png")
    drawn = drawing(at_the_desk, HEIGHT)
    assert ended["workflow_id"] in drawn
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / f"{name}.svg").write_text(drawn)


def test_the_documentation_has_a_section_with_a_picture_for_each() -> None:
    text = (ROOT / "docs" / "agents.md").read_text()
    for name in NAMES:
        assert f"(pictures/{name}.svg)" in text, name
        assert (PICTURES / f"{name}.svg").exists(), name


def _ended(rest: httpx.Client, run: str, name: str) -> dict[str, Any] | None:
    """Answers what it asks with the first option, until it has ended."""
    seen: dict[str, Any] = rest.get(f"/api/v1/runs/{run}").raise_for_status().json()
    if seen["closed_at"]:
        return seen
    family = [seen, *_children(rest, seen)]
    for member in family:
        asked = rest.get("/api/v1/escalations", params={"run": member["id"], "state": "pending"}).json()
        for question in asked["items"]:
            _answer(rest, question)
    if name in ENDLESS and not seen["waiting_for_human"]:
        rest.post(f"/api/v1/runs/{run}/signals", json={"name": ENDLESS[name]})
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
