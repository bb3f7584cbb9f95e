"""Every page reads and every form posts where scripts are switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from reviews.escalations.models import Decision
from reviews.people.actions import create_signin_link
from reviews.runs.models import Run
from tests.browser.conftest import SignIn
from tests.browser.scene import Scene
from tests.support.served import Served

pytestmark = pytest.mark.browser


def test_signing_in_by_a_link(scene: Scene, chromium: Browser, pages: Served) -> None:
    context = chromium.new_context(base_url=pages.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/sign-in/{create_signin_link(scene.people.bob.name)}/")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox")).to_be_visible()
    context.close()


def test_starting_a_run_with_a_mistake_on_the_way(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga, java_script_enabled=False)
    page.goto("/")
    page.get_by_role("link", name="Start a refund run").click()
    page.get_by_label("Amount").fill("5000")
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text("or less")).to_be_visible()
    page.get_by_label("Amount").fill("50")
    page.get_by_role("button", name="Start run").click()
    expect(page.get_by_text("Starting: waiting for Temporal.")).to_be_visible()
    assert Run.objects.get().input["amount"] == 50


def test_deciding(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob, java_script_enabled=False)
    page.goto(f"/questions/{scene.question.id}/")
    page.locator("summary", has_text="Refund another amount").click()
    page.get_by_label("Amount").fill("99")
    page.get_by_role("button", name="Send these values").click()
    expect(page.get_by_text("edited, then approved").first).to_be_visible()
    expect(page.get_by_role("link", name="See how far it is")).to_be_visible()
    assert Decision.objects.get().response["amount"] == 99


def test_steering_a_run(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga, java_script_enabled=False)
    page.goto(f"/runs/{scene.run.id}/")
    page.locator("summary", has_text="Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_text("asked to cancel").first).to_be_visible()


def test_reading_every_page(scene: Scene, sign_in: SignIn) -> None:
    scene.furnish()
    page = sign_in(scene.people.alice, java_script_enabled=False)
    for name, address in scene.addresses().items():
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == (404 if name == "missing" else 200), name
        expect(page.locator("main")).to_be_visible()
        expect(page.locator("[data-copy]:visible")).to_have_count(0)  # would do nothing
