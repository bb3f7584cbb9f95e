"""For everybody: axe, reflow, targets, forced colours. Pictures of every page are kept for people to judge."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, expect

from tests.browser.conftest import Photograph, SignIn
from tests.browser.scene import Scene
from tests.support.served import Served

pytestmark = pytest.mark.browser
SIZES: dict[str, ViewportSize] = {
    "1440": {"width": 1440, "height": 1000},
    "768": {"width": 768, "height": 1000},
    "390": {"width": 390, "height": 844},
    "320": {"width": 320, "height": 640},
}
THEMES: dict[str, dict[str, str]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "forced": {"forced_colors": "active"},
}
QUICK = [("390", "dark")]
ALL = [(size, theme) for size in SIZES for theme in THEMES]
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],  # to describe what passed takes axe longer than to find what does not
}
UNFOLD = (
    "document.querySelectorAll('details:not([name]):not([data-popup])').forEach((one) => { one.open = true })"
)
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, summary, input, select, textarea')]
  .filter((one) => one.checkVisibility() && !one.closest('.visually-hidden, p, td, .prose') && one.type !== 'checkbox')
  .map((one) => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && (box.height < 23.5 || box.width < 23.5))
  .map(([html, box]) => `${Math.round(box.width)}×${Math.round(box.height)} ${html}`)"""


def faults_of(page: Page) -> list[str]:
    found: list[dict[str, Any]] = Axe().run(page, options=RULES).response["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@pytest.mark.parametrize(
    ("size", "theme"),
    [pytest.param(*one, marks=() if one in QUICK else pytest.mark.soak) for one in ALL],
)
def test_axe_finds_nothing(
    scene: Scene, sign_in: SignIn, photograph: Photograph, size: str, theme: str
) -> None:
    scene.furnish()
    # Axe styles what it measures; that the pages themselves keep to the policy, the tests below see.
    page = sign_in(scene.people.alice, viewport=SIZES[size], bypass_csp=True, **THEMES[theme])
    faults: dict[str, list[str]] = {}
    for name, address in scene.addresses().items():
        page.goto(address)
        photograph(page, f"{name}-{size}-{theme}")
        page.evaluate(UNFOLD)
        if found := faults_of(page):
            faults[name] = found
    assert faults == {}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_before_signing_in(
    chromium: Browser, pages: Served, photograph: Photograph, theme: str
) -> None:
    context = chromium.new_context(base_url=pages.url, color_scheme=theme, bypass_csp=True)
    page = context.new_page()
    for name, address in {"login": "/accounts/login/", "link": "/sign-in/any/"}.items():
        page.goto(address)
        photograph(page, f"{name}-1440-{theme}")
        assert faults_of(page) == []
    context.close()


def test_nothing_is_cut_off_at_320_pixels_or_400_percent_and_targets_are_large_enough(
    scene: Scene, sign_in: SignIn, photograph: Photograph
) -> None:
    scene.furnish()
    page = sign_in(scene.people.alice)
    wide, small = {}, {}
    for name, address in scene.addresses().items():
        page.goto(address)
        for size in ("1440", "390"):
            page.set_viewport_size(SIZES[size])
            if found := page.evaluate(SMALL_TARGETS):
                small[f"{name}, {size}"] = found
        for height in (640, 256):
            page.set_viewport_size({"width": 320, "height": height})
            photograph(page, f"{name}-320x{height}")
            over = page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
            if over > 0:
                wide[f"{name}, {height}"] = over
    assert (wide, small) == ({}, {})


def test_the_buttons_stay_in_sight_and_leave_room(scene: Scene, sign_in: SignIn) -> None:
    """The decision bar may not cover more than half of a phone."""
    page = sign_in(scene.people.bob, viewport=SIZES["390"])
    page.goto(f"/questions/{scene.question.id}/")
    bar = page.locator(".decide").bounding_box()
    assert bar is not None
    assert bar["y"] > SIZES["390"]["height"] / 2
    assert bar["y"] + bar["height"] <= SIZES["390"]["height"]


def test_states_are_told_apart_with_forced_colours(
    scene: Scene, sign_in: SignIn, photograph: Photograph
) -> None:
    scene.furnish()
    page = sign_in(scene.people.alice, forced_colors="active", viewport=SIZES["1440"])
    for name in ("inbox", "run"):
        page.goto(scene.addresses()[name])
        photograph(page, f"{name}-forced")
        expect(page.locator(".pill").first).to_be_visible()
        expect(page.locator(".pill:not(:has(svg))"), "an icon beside each word").to_have_count(0)
