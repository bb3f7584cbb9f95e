"""Steering a run on its page, with everything behind it real: Temporal, a bridge, a worker."""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import transaction
from playwright.sync_api import Page, expect
from temporalio.client import Client
from temporalio.worker import Worker

from reviews.runs import mirroring
from reviews.runs.engine import engine
from reviews.runs.models import Run
from reviews.workspaces import actions as workspaces
from tests.browser.conftest import SignIn
from tests.browser.test_accessibility import RULES
from tests.support.people import People
from tests.workflows.bridge.conftest import StartBridge, failpoints, start_bridge
from tests.workflows.bridge.test_controls import Bank
from tests.workflows.flows import FLOWS
from workflows import worker as workers

__all__ = ["failpoints", "start_bridge"]  # fixtures

pytestmark = pytest.mark.browser
LONG = 60_000
"""Milliseconds for what goes through every process."""


class Scene:
    """A foreign workflow whose activity the bank refuses, and who may steer it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.bank = Bank()
        self.queue = f"bank-{uuid.uuid4().hex[:8]}"
        self.people = People()
        self.workspace = workspaces.create_workspace("desk", "Desk", "default", owner=self.people.alice)
        self.id = f"pay-{uuid.uuid4().hex[:8]}"
        self.loop = asyncio.new_event_loop()

    @contextmanager
    def working(self) -> Iterator[None]:
        """With a worker in a thread of its own, as the browser holds this one."""
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        client = self.do(Client.connect(self.address))
        worker = Worker(
            client,
            task_queue=self.queue,
            workflows=FLOWS,
            activities=[self.bank.attempt],
            workflow_runner=workers.sandbox(),
            graceful_shutdown_timeout=timedelta(0),
        )
        self.do(worker.__aenter__())
        self.handle = self.do(
            client.start_workflow(
                "steered", True, id=self.id, task_queue=self.queue, execution_timeout=timedelta(minutes=5)
            )
        )
        try:
            yield
        finally:
            self.do(worker.__aexit__(None, None, None))
            self.loop.call_soon_threadsafe(self.loop.stop)

    def do(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(_awaited(work), self.loop).result(30)

    def run(self) -> Run:
        return mirroring.adopt("default", self.id, self.handle.result_run_id, queue=self.queue)


async def _awaited(work: Any) -> Any:
    return await work


@pytest.fixture
def steered(
    temporal_server: str, transactional_db: None, monkeypatch: pytest.MonkeyPatch, start_bridge: StartBridge
) -> Iterator[Scene]:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    engine.cache_clear()
    scene = Scene(temporal_server)
    with scene.working():
        start_bridge().says("is active")
        yield scene
    engine.cache_clear()


def test_a_failing_activity_is_seen_tried_now_and_completes(steered: Scene, sign_in: SignIn) -> None:
    run = steered.run()
    page = sign_in(steered.people.alice)
    page.goto(f"/runs/{run.id}/")
    now = page.locator("#now")
    expect(now.get_by_text("The bank is closed.")).to_be_visible()
    expect(now.get_by_text("waits for its next try")).to_be_visible()
    expect(now.get_by_text("Counts what it is told.")).to_be_visible()
    steered.bank.open = True
    now.get_by_role("button", name="Retry try now").click()
    expect(page.locator(".flash").get_by_text("The activity is tried now.")).to_be_visible()
    expect(page.locator("#step-5")).to_contain_text("completed", timeout=LONG)
    expect(page.locator("#now").get_by_text("Nothing is pending")).to_be_visible()
    expect(page.locator("section", has=page.get_by_role("heading", name="Sent to Temporal"))).to_contain_text(
        "by alice"
    )
    assert steered.bank.tries >= 2


def test_the_workflow_is_asked_told_and_reset(steered: Scene, sign_in: SignIn) -> None:
    steered.bank.open = True
    run = steered.run()
    page = sign_in(steered.people.alice, bypass_csp=True)  # axe styles what it measures
    page.goto(f"/runs/{run.id}/?tab=ask")
    expect(page.locator(".takes").get_by_text("Counts a number and answers the sum.")).to_be_visible()
    page.locator("summary", has_text="Send an update…").click()
    page.get_by_label("Name of the update").fill("count")
    page.locator("#update-input").fill("42")
    page.get_by_role("button", name="Send the update").click()
    expect(page.locator("section", has=page.get_by_role("heading", name="Sent to Temporal"))).to_contain_text(
        "sent", timeout=LONG
    )
    page.goto(f"/runs/{run.id}/?tab=ask")
    page.locator("#query-name").select_option("counts")
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator("#ask pre")).to_contain_text("42")
    moves_on(page, run)
    expect(page.locator("#ask pre")).to_contain_text("42")
    page.get_by_role("button", name="Where does its code stand?").click()
    expect(page.locator("#ask pre")).to_contain_text("Stack for <Task")
    assert _faults(page) == []

    page.goto(f"/runs/{run.id}/")
    page.locator("summary", has_text="More…").click()
    page.get_by_role("link", name="Reset to an earlier point…").click()
    expect(page.get_by_text("then: scheduled try")).to_be_visible()
    page.get_by_label("Reason").fill("Once more.")
    page.get_by_text("first workflow task: everything again").click()
    page.get_by_role("button", name="Reset the run").click()
    expect(page.get_by_role("link", name="Next execution")).to_be_visible(timeout=LONG)


def moves_on(page: Page, run: Run) -> None:
    """Something happens to the run, and the page takes it in."""
    main = page.locator("#run")
    main.evaluate("one => { one.dataset.old = 'yes' }")
    with transaction.atomic():
        mirroring.tell(run)
    expect(main).not_to_have_attribute("data-old", "yes")


def _faults(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
