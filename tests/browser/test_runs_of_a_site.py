"""The runs page of a whole site: what is chosen there happens at Temporal."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.support.processes import wait_until
from tests.support.site import Site

pytestmark = pytest.mark.browser
INPUT = {"customer": "Dora", "amount": 12, "reason": "The parcel never came."}


def test_filter_save_choose_and_cancel_real_runs(site: Site, chromium: Browser) -> None:
    with site.client(site.token()) as rest:

        def started() -> str:
            body = {"workspace": "demo", "agent": "refund", "input": INPUT}
            return str(rest.post("/api/v1/runs", json=body).raise_for_status().json()["id"])

        def run(id: str) -> dict[str, object]:
            found: dict[str, object] = rest.get(f"/api/v1/runs/{id}").raise_for_status().json()
            return found

        ids = [started() for _ in range(3)]
        wait_until(lambda: all(run(id)["waiting_for_human"] for id in ids), "all three ask", 60)
        context = chromium.new_context()
        page = context.new_page()
        page.goto(site.signin_link())
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
        page.goto(f"{site.web}/runs/")
        page.get_by_role("link", name="Waiting for a person").click()
        page.locator("summary", has_text="Save view").click()
        page.get_by_label("Name of the view").fill("They wait")
        page.keyboard.press("Enter")
        expect(page.get_by_text("View: They wait")).to_be_visible()
        for key in ("j", "x", "j", "x"):
            page.keyboard.press(key)
        expect(page.get_by_text("2 runs are chosen.")).to_be_visible()
        page.locator("summary", has_text="Cancel…").click()
        page.get_by_role("button", name="Cancel the chosen runs").click()
        expect(page.get_by_text("2 asked to cancel.")).to_be_visible()

        wait_until(lambda: {run(id)["status"] for id in ids[1:]} == {"canceled"}, "the two ended", 60)
        assert run(ids[0])["status"] == "running"
        context.close()
