"""Pages of a whole site: what is done there happens at Temporal."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.moments import arrived, press_and_follow, settle
from tests.support.processes import wait_until
from tests.support.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("site")]
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
        expect(page).to_have_url(re.compile(r"/runs/\?"))
        page.locator("summary", has_text="Save view").click()
        page.get_by_label("Name of the view").fill("They wait")
        press_and_follow(page, "Enter")
        expect(page.get_by_text("View: They wait")).to_be_visible()
        arrived(page)
        for key in ("j", "x", "j", "x"):
            page.keyboard.press(key)
        expect(page.get_by_text("2 runs are chosen.")).to_be_visible()
        page.locator("summary", has_text="Cancel…").click()
        page.get_by_role("button", name="Cancel the chosen runs").click()
        expect(page.get_by_text("2 asked to cancel.")).to_be_visible()

        wait_until(lambda: {run(id)["status"] for id in ids[1:]} == {"canceled"}, "the two ended", 60)
        assert run(ids[0])["status"] == "running"
        context.close()


def test_by_keyboard_alone_from_a_start_to_the_end_of_its_run(site: Site, chromium: Browser) -> None:
    context = chromium.new_context()
    page = context.new_page()
    page.goto(site.signin_link())
    expect(page.get_by_role("button", name="Sign in")).to_be_focused()
    press_and_follow(page, "Enter")
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()

    tab_to(page, page.get_by_role("link", name="New run"))
    press_and_follow(page, "Enter")
    tab_to(page, page.get_by_role("link", name="Refund Asks a person"))
    press_and_follow(page, "Enter")
    tab_to(page, page.get_by_label("Customer"))
    page.keyboard.press("Control+a")
    page.keyboard.type("Keyboard Kay")
    tab_to(page, page.get_by_role("button", name="Start run"))
    press_and_follow(page, "Enter")

    question = page.get_by_role("link", name="Open the question")
    expect(question).to_be_visible(timeout=60_000)  # the run's page is live
    run = page.url
    tab_to(page, question)
    press_and_follow(page, "Enter")
    expect(page).to_have_url(re.compile("/questions/"))
    settle(page)
    press_and_follow(page, "a")
    expect(page.locator("#case")).to_contain_text(re.compile("recorded|delivered|acted on"), timeout=30_000)
    tab_to(page, page.locator(f"main a[href='{run.removeprefix(site.web)}']").first)
    press_and_follow(page, "Enter")
    expect(page).to_have_url(run)
    expect(page.locator("#run-head")).to_contain_text("completed", timeout=60_000)
    context.close()


def tab_to(page: Page, wanted: Locator, most: int = 120) -> None:
    """Press Tab until it has the focus; AssertionError where it cannot be reached so."""
    expect(wanted).to_be_visible()
    for _ in range(most):
        if wanted.evaluate("(one) => one === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{most} times Tab do not reach {wanted}")
