"""Chromium on the pages of a live server with real rows. Nothing is sent to Temporal here: the tests play its part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from reviews.people.models import Account
from tests.browser.scene import Scene
from tests.support.chromium import find_chromium
from tests.support.served import Served, served

# Playwright's sync interface keeps an event loop in this thread; the rows are made from it all the same.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"

PATIENCE_MS = 30_000
"""A busy machine takes its time; what does not come at all fails no later than this."""
expect.set_options(timeout=PATIENCE_MS)
SignIn = Callable[..., Page]
Photograph = Callable[..., None]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def pages(server: Served, transactional_db: None) -> Iterator[Served]:
    """With sockets, which the one of pytest-django has not."""
    yield server
    server.rest()


@pytest.fixture
def scene(transactional_db: None) -> Scene:
    return Scene()


@pytest.fixture
def sign_in(chromium: Browser, pages: Served) -> Iterator[SignIn]:
    """``sign_in(account, **context)``: a page of a browser in which the account is signed in.

    What the browser complains about (a script's error, something that the content security policy forbids)
    fails the test.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def open_browser(account: Account, *, goes_offline: bool = False, **options: Any) -> Page:
        still = {"color_scheme": "light", "reduced_motion": "reduce"}  # axe would see colours on their way
        context = chromium.new_context(base_url=pages.url, **{**still, **options})
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_cookies([session_of(account, pages.url)])
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text)
                if is_complaint(said.type, said.text) and not goes_offline
                else None
            ),
        )
        return page

    yield open_browser
    for context in contexts:
        context.close()
    assert complaints == []


def is_complaint(kind: str, text: str) -> bool:
    """That a page came with a status of 4xx is what some tests want; one that is left breaks off what it asked for,
    as a click does with what a part asked by itself.
    """
    is_left = text.startswith(
        ("htmx:afterRequest, ", "htmx:sendError, ", "htmx:sendAbort, ")
    ) or text.endswith("WebSocket is closed before the connection is established.")
    is_asked_for = text.startswith(
        ("Failed to load resource: the server responded with a status of 4", "Response Status Error Code 4")
    )
    return kind == "error" and not is_left and not is_asked_for


def session_of(account: Account, url: str) -> Any:
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    return {
        "name": settings.SESSION_COOKIE_NAME,
        "value": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "url": url,
    }


@pytest.fixture(scope="session")
def photograph() -> Photograph:
    """``photograph(page, name, **options)``: a picture for people to judge, in the folder that SCREENSHOTS names.

    Without one none is taken.
    """
    folder = Path(os.environ["SCREENSHOTS"]) if "SCREENSHOTS" in os.environ else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)

    def take(page: Page, name: str, **options: Any) -> None:
        if folder:
            page.screenshot(path=folder / f"{name}.png", **options)

    return take
