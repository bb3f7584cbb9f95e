"""The runs page under an operator's hands."""

from __future__ import annotations

import re

import pytest
from django.db import transaction
from playwright.sync_api import Page, WebSocket, expect

from reviews.outbox.models import Message
from reviews.runs import mirroring
from reviews.runs.models import Run, SavedView
from tests.browser.conftest import Photograph, SignIn
from tests.browser.moments import arrived, hold, opened, press_and_follow
from tests.browser.scene import Scene
from tests.browser.test_accessibility import QUICK, SIZES, THEMES, faults_of
from tests.support.people import start_refund

pytestmark = pytest.mark.browser


def expect_chosen(page: Page, count: int) -> None:
    expect(page.locator("[data-choice]:checked")).to_have_count(count)


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        pytest.param(size, theme, marks=() if (size, theme) in QUICK else pytest.mark.soak)
        for size in SIZES
        for theme in THEMES
    ],
)
def test_axe_finds_nothing_in_what_is_folded(
    scene: Scene, sign_in: SignIn, photograph: Photograph, size: str, theme: str
) -> None:
    scene.furnish()
    page = sign_in(scene.people.alice, viewport=SIZES[size], bypass_csp=True, **THEMES[theme])
    page.goto(f"/runs/?status=open&agent=refund&parent={scene.family.id}&q=parcel")
    page.locator("[data-choice]").first.check()
    for words in ("Filter", "Save view", "Cancel…", "Terminate…"):
        page.locator("summary", has_text=words).click()
        photograph(page, f"runs-{words.strip('…').lower().replace(' ', '-')}-{size}-{theme}")
        # What a panel covers is no target while it does.
        assert [fault for fault in faults_of(page) if not fault.startswith("target-size")] == [], words
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), words
        page.keyboard.press("Escape")


def test_filter_save_choose_by_keyboard_and_cancel(scene: Scene, sign_in: SignIn) -> None:
    runs = [start_refund(scene.home, scene.people.olga) for _ in range(4)]
    Run.objects.filter(id=runs[0].id).update(agent="other")
    page = sign_in(scene.people.olga)
    page.goto("/runs/")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Agent").fill("refund")
    page.get_by_label("Open", exact=True).check()
    page.get_by_role("button", name="Show these").click()
    expect(page).to_have_url(re.compile(r"/runs/\?status=open&agent=refund$"))
    expect(page.get_by_text("3 runs fit, children among them.")).to_be_visible()
    page.locator("summary", has_text="Save view").click()
    page.get_by_label("Name of the view").fill("Refunds")
    press_and_follow(page, "Enter")
    expect(page.get_by_text("View: Refunds")).to_be_visible()
    arrived(page)
    assert SavedView.objects.get().query == "status=open&agent=refund"

    for key in ("j", "x", "j", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_text("2 runs are chosen.")).to_be_visible()
    page.locator("summary", has_text="Cancel…").click()
    page.get_by_role("button", name="Cancel the chosen runs").click()
    expect(page.get_by_text("2 asked to cancel.")).to_be_visible()
    cancelled = {message.subject for message in Message.objects.filter(kind="cancel")}
    assert cancelled == {runs[3].id, runs[1].id}


def test_a_reload_keeps_choice_children_and_focus(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga)
    page.goto(f"/runs/?unfold={scene.family.id}")
    page.get_by_role("link", name="1 child", exact=True).click()
    expect(page.locator("tr.depth-2")).to_have_count(1)
    box = page.locator("tr.depth-2 [data-choice]")
    box.check()
    newcomer = start_refund(scene.home, scene.people.olga)
    expect(page.locator("[data-show-arrivals]")).to_contain_text("1 new")  # nothing jumps under one's hand
    expect(page.locator(f"#row-{newcomer.id}")).to_have_count(0)
    page.locator("[data-show-arrivals]").click()
    expect(page.locator(f"#row-{newcomer.id}")).to_be_visible()
    box.focus()
    expect(page.locator("tr.depth-2 [data-choice]")).to_be_checked()
    expect(page.locator("tr.depth-2 [data-choice]")).to_be_focused()
    expect(page.get_by_text("1 run is chosen.")).to_be_visible()
    assert page.url.count("unfold=") == 2


def test_children_are_unfolded_and_folded_by_key(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.olga)
    _ = scene.family
    page.goto("/runs/")
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("tr.depth-1")).to_have_count(2)
    expect(page.locator("[data-fold]").first).to_have_attribute("aria-expanded", "true")
    expect(page.locator("[data-item]").first).to_be_focused()
    page.keyboard.press("o")
    expect(page.locator("tr.depth-1")).to_have_count(0)


def test_children_stay_unfolded_when_something_moves_while_they_are_fetched(
    scene: Scene, sign_in: SignIn
) -> None:
    page = sign_in(scene.people.olga)
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    _ = scene.family
    opened(page, "/runs/")
    held = hold(page, re.compile("unfold="))
    page.locator("[data-fold]").click()
    asked = held()
    answer = asked.fetch()
    with sockets[-1].expect_event("framereceived", lambda said: "changed" in str(said)):
        start_refund(scene.home, scene.people.olga)
    page.evaluate(
        "new Promise((over) => setTimeout(over, 300))"
    )  # it would ask by now, and waits for the click's
    asked.fulfill(response=answer)
    expect(page.locator("[data-show-arrivals] [data-words]")).to_have_text("1 new")  # and none is gone
    expect(page.locator("tr.depth-1")).to_have_count(2)


def test_shift_chooses_all_between_and_one_box_the_whole_page(scene: Scene, sign_in: SignIn) -> None:
    for _ in range(5):
        start_refund(scene.home, scene.people.olga)
    page = sign_in(scene.people.olga)
    page.goto("/runs/")
    boxes = page.locator("[data-choice]")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect_chosen(page, 4)
    boxes.nth(1).click(modifiers=["Shift"])
    expect_chosen(page, 1)
    page.get_by_label("Choose all open runs of this page").check()
    expect_chosen(page, 5)


def test_what_ended_meanwhile_is_not_chosen_any_more(scene: Scene, sign_in: SignIn) -> None:
    first, second = (start_refund(scene.home, scene.people.olga) for _ in range(2))
    page = sign_in(scene.people.olga)
    page.goto("/runs/")
    for run in (first, second):
        page.locator(f"#choose-{run.id}").check()
    Run.objects.filter(id=first.id).update(status="completed")
    with transaction.atomic():
        mirroring.tell(first)
    expect(page.get_by_text("1 run is chosen.")).to_be_visible()


def test_the_reason_for_a_termination_is_not_swapped_away(scene: Scene, sign_in: SignIn) -> None:
    run = start_refund(scene.home, scene.people.olga)
    page = sign_in(scene.people.olga)
    page.goto("/runs/")
    page.locator(f"#choose-{run.id}").check()
    page.locator("summary", has_text="Terminate…").click()
    page.get_by_label("Reason").fill("started twice")
    start_refund(scene.home, scene.people.olga)
    expect(page.locator("[data-show-arrivals]")).to_contain_text("1 new")
    expect(page.get_by_label("Reason")).to_have_value("started twice")
    page.keyboard.press("Enter")  # sends nothing: two buttons end runs, and one has to be meant
    page.get_by_role("button", name="Terminate the chosen runs").click()
    expect(page.get_by_text("1 being terminated.")).to_be_visible()
    assert Message.objects.get(kind="terminate").subject == run.id


def test_many_are_steered_without_scripts(scene: Scene, sign_in: SignIn) -> None:
    runs = [start_refund(scene.home, scene.people.olga) for _ in range(3)]
    page = sign_in(scene.people.olga, java_script_enabled=False)
    page.goto(f"/runs/?unfold={scene.family.id}")
    expect(page.locator("tr.depth-1")).to_have_count(2)
    for run in runs[:2]:
        page.locator(f"#choose-{run.id}").check()
    page.locator("summary", has_text="Cancel…").click()
    page.get_by_role("button", name="Cancel the chosen runs").click()
    expect(page.get_by_text("2 asked to cancel.")).to_be_visible()
    expect(page.locator("tr.depth-1")).to_have_count(2)


def test_a_view_is_deleted_and_brought_back(scene: Scene, sign_in: SignIn) -> None:
    scene.furnish()
    page = sign_in(scene.people.alice)
    page.goto("/runs/?status=open&agent=refund")
    page.locator("summary", has_text="This view").click()
    page.get_by_role("button", name="Delete the view").click()
    expect(page.get_by_text("The view “What runs” is deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("View: What runs")).to_be_visible()
