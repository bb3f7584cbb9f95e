"""When a page is ready for what a test does next: its scripts run, its keys count, its socket is open."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.support.processes import wait_until

SETTLED_MS = 500
"""Keys count only when the page has stood for a moment."""
STOOD = """ms => new Promise((over) => {
  const wait = () => setTimeout(over, ms);
  if (document.readyState === "complete") wait();
  else addEventListener("pageshow", wait, { once: true });
})"""
"""By the page's own clock and from its own beginning: on a busy machine it begins to count late."""


def settle(page: Page) -> None:
    """Until a key decides. Only what the new page alone shows tells that it is the new one: wait for that first."""
    page.evaluate(STOOD, SETTLED_MS)


def open_settled(page: Page, address: str) -> None:
    page.goto(address)
    settle(page)


def press_and_follow(page: Page, key: str) -> None:
    """A key that leads to another page, where it is let go: while one page gives way to the other nobody answers for
    a key, and Playwright would wait for it for ever.
    """
    with page.expect_navigation():
        page.keyboard.down(key)
    page.keyboard.up(key)


def arrived(page: Page) -> None:
    """Until the scripts run of a page that a click or a form led to: what it shows is seen before."""
    page.wait_for_load_state("load")


def live(page: Page) -> None:
    expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "Live")


def opened(page: Page, address: str) -> Page:
    page.goto(address)
    live(page)
    return page


def hears_nothing(socket: WebSocketRoute) -> None:
    """A socket that is open, and no word comes: the page does not change under a test's hand."""


def hold(page: Page, addresses: re.Pattern[str]) -> Callable[[], Route]:
    """Stop the next request to one of ``addresses`` on its way; what is returned waits for it and hands it out."""
    held: list[Route] = []
    page.route(addresses, lambda route: held.append(route), times=1)

    def is_held() -> bool:
        page.wait_for_timeout(20)  # in which the browser is heard
        return bool(held)

    def wait() -> Route:
        wait_until(is_held, f"the page asks for {addresses.pattern}")
        return held[0]

    return wait
