"""The reviewer's day, by keyboard and by mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from reviews.escalations import actions
from reviews.escalations.models import Claim, Decision
from tests.browser.conftest import SignIn
from tests.browser.moments import hears_nothing, open_settled, press_and_follow, settle
from tests.browser.scene import Scene

pytestmark = pytest.mark.browser


def test_by_keyboard_from_the_inbox_to_the_next_question(scene: Scene, sign_in: SignIn) -> None:
    first, second = scene.ask("First"), scene.ask("Second")
    page = sign_in(scene.people.bob)
    open_settled(page, "/")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="First")).to_be_focused()
    press_and_follow(page, "Enter")
    page.wait_for_url(f"**/questions/{first.id}/")
    settle(page)
    press_and_follow(page, "a")
    expect(page.locator("#outcome")).to_be_visible()
    assert Decision.objects.get().escalation == first
    settle(page)
    press_and_follow(page, "n")
    page.wait_for_url(f"**/questions/{second.id}/")


def test_the_journey_goes_on_by_itself_and_ends(scene: Scene, sign_in: SignIn) -> None:
    decision = scene.approve(scene.question)
    page = sign_in(scene.people.bob)
    page.goto(f"/questions/{scene.question.id}/")
    journey = page.locator("#journey")
    expect(journey.locator(".ahead")).to_have_count(2)
    actions.delivered(decision.id)
    expect(journey.locator(".ahead")).to_have_count(1)
    actions.acknowledge(decision.id, "acted_on", run_id="x")
    expect(journey.locator(".ahead")).to_have_count(0)
    expect(journey).not_to_have_attribute("hx-get", re.compile("."))


def test_editing_by_mouse_with_a_mistake_on_the_way(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto(f"/questions/{scene.question.id}/")
    page.locator("summary", has_text="Refund another amount").click()
    amount = page.get_by_label("Amount")
    amount.fill("a lot")
    page.get_by_role("button", name="Send these values").click()
    expect(page.get_by_text("Write a number with a point")).to_be_visible()
    expect(amount).to_have_value("a lot")
    expect(amount).to_be_focused()
    amount.fill("99.50")
    page.get_by_role("button", name="Send these values").click()
    expect(page.locator("#outcome")).to_be_visible()
    assert Decision.objects.get().response["amount"] == 99.5


def test_rejecting_by_keyboard_with_a_comment(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    open_settled(page, f"/questions/{scene.question.id}/")
    page.keyboard.press("d")
    expect(page.get_by_label("Comment").locator("visible=true")).to_be_focused()
    page.keyboard.type("dear a and e: no")  # letters that are keys elsewhere
    page.keyboard.press("Tab")
    press_and_follow(page, "Enter")
    expect(page.locator("#outcome")).to_be_visible()
    decision = Decision.objects.get()
    assert (decision.verdict, decision.comment) == ("reject", "dear a and e: no")


def test_escape_closes_a_panel_and_sends_nothing(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    open_settled(page, f"/questions/{scene.question.id}/")
    page.keyboard.press("e")
    expect(page.get_by_label("Amount")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Amount")).to_be_hidden()
    expect(page.locator("summary", has_text="Refund another amount")).to_be_focused()
    assert not Decision.objects.exists()


def test_high_risk_needs_more_than_a_key(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    open_settled(page, f"/questions/{scene.high_risk.id}/")
    page.keyboard.press("a")
    approve = page.get_by_role("button", name="Refund", exact=True)
    expect(approve).to_be_visible()
    approve.click()
    expect(page.get_by_text("Tick the box")).to_be_visible()
    assert not Decision.objects.exists()
    page.get_by_label("I have checked what will be done").locator("visible=true").check()
    approve.click()
    expect(page.locator("#outcome")).to_be_visible()


def test_a_key_held_down_or_too_early_decides_nothing(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto(f"/questions/{scene.question.id}/")
    pressed = "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: 'a', bubbles: true}))"
    page.evaluate(f"dispatchEvent(new PageTransitionEvent('pageshow')); {pressed}")
    settle(page)
    page.evaluate(pressed.replace("bubbles", "repeat: true, bubbles"))
    page.keyboard.press("Control+a")
    settle(page)
    assert not Decision.objects.exists()
    page.evaluate(pressed)
    expect(page.locator("#outcome")).to_be_visible()


def test_a_double_click_is_one_decision(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto(f"/questions/{scene.question.id}/")
    page.get_by_role("button", name="Refund").first.dblclick()
    expect(page.locator("#outcome")).to_be_visible()
    assert Decision.objects.count() == 1


def test_the_second_reviewer_sees_who_was_first(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.ada)
    page.route_web_socket("**", hears_nothing)  # else the page may say it before the click
    page.goto(f"/questions/{scene.question.id}/")
    scene.approve(scene.question)
    page.get_by_role("button", name="Refund").first.click()
    expect(page.get_by_role("alert")).to_contain_text("Bob decided this")
    expect(page.get_by_role("alert")).to_contain_text("Your answer was not recorded")


def test_a_claim_and_its_warning(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto(f"/questions/{scene.question.id}/")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_text("you are looking at this")).to_be_visible()
    assert Claim.objects.get().account == scene.people.bob
    other = sign_in(scene.people.ada)
    other.goto(f"/questions/{scene.question.id}/")
    expect(other.get_by_text("Bob is looking at this")).to_be_visible()


def test_the_keys_are_listed_and_find_is_a_key(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto("/")
    page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    expect(keys).to_be_visible()
    page.keyboard.press("Escape")
    expect(keys).to_be_hidden()
    page.keyboard.press("/")
    find = page.get_by_role("textbox", name="Find a run")
    expect(find).to_be_focused()
    find.fill(scene.run.workflow_id)
    press_and_follow(page, "Enter")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_run_moves_on_under_the_eyes_and_loses_nothing(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga)
    page.goto(f"/runs/{scene.run.id}/")
    step = page.locator("#step-11")
    step.locator("summary").first.focus()
    page.keyboard.press("Enter")
    expect(step.get_by_text("Retry-After 12 s")).to_be_visible()
    scene.add_step()
    expect(page.locator("#step-40")).to_be_visible()
    expect(step.get_by_text("Retry-After 12 s")).to_be_visible()
    expect(step.locator("summary").first).to_be_focused()


def test_a_form_that_is_open_is_not_swapped_away(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga)
    page.goto(f"/runs/{scene.run.id}/")
    page.locator("summary", has_text="Signal…").click()
    page.get_by_label("Name of the signal").fill("hurry")
    scene.add_step()
    expect(page.locator("#step-40")).to_be_visible()
    expect(page.get_by_label("Name of the signal")).to_have_value("hurry")
    expect(page.get_by_label("Name of the signal")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Name of the signal")).to_be_hidden()


def test_the_theme_is_chosen_in_the_menu(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.goto("/")
    page.locator("summary", has_text="Bob").click()
    page.get_by_role("button", name="dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.locator("body")).to_have_css("color-scheme", "dark")


def test_the_workflow_id_is_copied(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob, permissions=["clipboard-read", "clipboard-write"])
    page.goto(f"/runs/{scene.run.id}/")
    page.get_by_role("button", name="Copy the workflow id").click()
    expect(page.get_by_role("status").filter(has_text="Copied.")).to_be_attached()
    assert page.evaluate("navigator.clipboard.readText()") == scene.run.workflow_id
