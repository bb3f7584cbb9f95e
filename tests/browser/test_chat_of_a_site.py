"""A conversation with a whole site behind it: from the form to the end, with a refund that a person agrees to."""

from __future__ import annotations

from itertools import pairwise

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Photograph
from tests.support.site import Site

pytestmark = [pytest.mark.browser, pytest.mark.soak, pytest.mark.xdist_group("site")]
LONG = 30_000
"""Milliseconds for what goes through every process."""
SEEN = """() => {
  window.seen = [];
  setInterval(() => {
    const now = document.querySelector(".is-writing .bubble")?.textContent;
    if (now && now !== window.seen.at(-1)) window.seen.push(now);
  }, 20);
}"""


def test_from_hello_to_the_end(site: Site, chromium: Browser, photograph: Photograph) -> None:
    control = site.model.removesuffix("/v1") + "/control/latency"
    context = chromium.new_context(viewport={"width": 1440, "height": 1000})
    context.set_default_timeout(LONG)
    page = context.new_page()
    page.goto(site.signin_link())
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{site.web}/runs/new/?agent=chat")
    page.get_by_label("First message").fill("Hello! My name is Dora.")
    page.get_by_role("button", name="Start run").click()
    answers, field = page.locator(".turn.is-agent:not(.is-writing)"), page.get_by_label("Your message")
    expect(answers).to_contain_text("Nice to meet you, Dora", timeout=LONG)

    httpx.post(control, json={"ms": 3000})
    page.evaluate(SEEN)
    field.fill("What should I pack for a week by the sea?")
    field.press("Enter")
    expect(page.locator(".is-writing .bubble")).to_be_visible(timeout=LONG)
    photograph(page, "chat-site-1-writes")
    expect(answers).to_have_count(2, timeout=LONG)
    httpx.post(control, json={"ms": 0})
    seen = page.evaluate("window.seen")
    assert len(seen) > 1 and all(len(later) > len(earlier) for earlier, later in pairwise(seen))

    field.fill("Please refund 24.5 to Dora for order 1001")
    field.press("Enter")
    page.get_by_role("link", name="Decide").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#outcome")).to_be_visible(timeout=LONG)
    page.go_back()
    page.go_back()
    expect(answers).to_have_count(3, timeout=LONG)
    expect(answers.last).to_contain_text("outcome: paid")
    photograph(page, "chat-site-2-paid")

    page.locator("summary", has_text="End…").click()
    page.get_by_role("button", name="End the conversation").click()
    expect(page.get_by_text("The conversation is over (completed).")).to_be_visible(timeout=LONG)
    expect(page.locator(".turn.is-note")).to_contain_text("their name is Dora")
    photograph(page, "chat-site-3-ended")
    httpx.post(control, json={"ms": None})
    context.close()
