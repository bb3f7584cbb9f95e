"""A long history in the browser: rows come when they are reached, unfold in place, and nothing that stands is lost."""

from __future__ import annotations

import math
import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from reviews.pages.steps import STEPS
from reviews.runs.models import Run
from tests.browser.conftest import PATIENCE_MS, SignIn
from tests.browser.moments import hold, opened
from tests.browser.scene import Scene
from tests.support.histories import NOON, activity, close, keep_history, signaled, started
from tests.support.people import start_refund

pytestmark = pytest.mark.browser
ROW = "li[id^=event-]"
STEP = ".waterfall li > details"
NO_SECOND_CHANCE = """
    const real = window.setTimeout;
    window.setTimeout = (call, ms, ...rest) => ms >= 10_000 ? 0 : real(call, ms, ...rest);
"""
"""What the page does in any case after so long must not hide that it did not do it at once."""


@pytest.fixture
def long(scene: Scene) -> Run:
    """Open, with 250 activities: 751 events."""
    run = scene.run
    Run.objects.filter(id=run.id).update(last_event_id=0)
    run.steps.all().delete()
    run.chunks.all().delete()
    events = [started(run)]
    while len(events) < 751:
        events += activity(len(events) + 1, "pay", failure="no <money>" if len(events) == 1 else "")
    return keep_history(run, events)


def reach_the_end(page: Page, rows: str, count: int) -> None:
    end = time.monotonic() + PATIENCE_MS / 1000
    while page.locator(rows).count() < count and time.monotonic() < end:
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)
    expect(page.locator(rows)).to_have_count(count)


def test_rows_come_when_they_are_reached_and_then_as_they_happen(
    scene: Scene, sign_in: SignIn, long: Run
) -> None:
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/?tab=events")
    expect(page.locator(ROW)).to_have_count(100)
    reach_the_end(page, ROW, 751)
    ids = page.locator(ROW).evaluate_all("all => all.map((one) => one.id)")
    assert ids == [f"event-{number}" for number in range(1, 752)]
    expect(page.get_by_text("751 events")).to_be_visible()
    keep_history(long, [signaled("hurry")])
    expect(page.locator("#event-752")).to_contain_text("hurry")
    keep_history(long, [close()])
    expect(page.locator("#run-head .pill", has_text="completed")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(ROW)).to_have_count(753)


def events_of_a_run(scene: Scene, sign_in: SignIn) -> tuple[Page, Run]:
    """Four of them, on an open page."""
    run = start_refund(scene.home, scene.people.olga)
    keep_history(run, [started(run), *activity(2, "pay")])
    page = sign_in(scene.people.victor)
    page.add_init_script(NO_SECOND_CHANCE)
    return opened(page, f"/runs/{run.id}/?tab=events"), run


def test_what_happens_while_the_page_fetches_comes_too(scene: Scene, sign_in: SignIn) -> None:
    page, run = events_of_a_run(scene, sign_in)
    held = hold(page, re.compile(f"/runs/{run.id}/events/"))
    keep_history(run, [signaled("first")])
    asked = held()
    answer = asked.fetch()
    keep_history(run, [signaled("second")])
    expect(page.get_by_text("6 events")).to_be_visible()  # the page was told
    asked.fulfill(response=answer)
    expect(page.locator("#event-5")).to_contain_text("first")
    expect(page.locator("#event-6")).to_contain_text("second")


def test_what_happens_before_the_new_rows_are_settled_comes_too(scene: Scene, sign_in: SignIn) -> None:
    page, run = events_of_a_run(scene, sign_in)
    page.evaluate("htmx.config.defaultSettleDelay = 3000")
    keep_history(run, [signaled("first")])
    expect(page.locator("#event-5")).to_contain_text("first")
    keep_history(run, [signaled("second")])
    expect(page.locator("#event-6")).to_contain_text("second")


def test_the_newest_come_on_top(scene: Scene, sign_in: SignIn, long: Run) -> None:
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/?tab=events&order=newest")
    keep_history(long, [signaled("first"), signaled("second")])
    expect(page.locator("#event-753")).to_be_visible(timeout=PATIENCE_MS)
    ids = page.locator(ROW).evaluate_all("all => all.map((one) => one.id)")
    assert ids == [f"event-{number}" for number in range(753, 651, -1)]


def test_what_was_unfolded_stays_so_while_the_run_goes_on(scene: Scene, sign_in: SignIn, long: Run) -> None:
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/?tab=events")
    page.locator("#event-4 summary strong").click()
    expect(page.locator("#event-4")).to_contain_text("no <money>")
    expect(page.locator("#event-4 .group li")).to_have_count(3)
    head = page.locator("#run-head")
    head.evaluate("one => { one.dataset.old = 'yes' }")
    keep_history(long, [signaled("hurry")])
    expect(head).not_to_have_attribute("data-old", "yes")
    expect(page.locator("#event-4 .group li")).to_have_count(3)
    expect(page.locator(ROW)).to_have_count(100)


def test_an_event_has_its_own_page_and_a_place_in_the_list(scene: Scene, sign_in: SignIn, long: Run) -> None:
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/?tab=events&at=400")
    expect(page.locator("#event-400 pre")).to_be_visible()
    page.locator("#event-400").get_by_role("link", name="400", exact=True).click()
    page.wait_for_url(f"**/runs/{long.id}/events/400/")
    page.get_by_role("link", name="Event 401").click()
    page.get_by_role("link", name="In the list").click()
    expect(page.locator("#event-401")).to_be_visible()


def test_blocks_of_steps_share_one_axis(scene: Scene, sign_in: SignIn, long: Run) -> None:
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/")
    reach_the_end(page, STEP, 250)
    blocks = page.locator("[data-span][data-drawn]")  # the last one is drawn a moment after it came
    expect(blocks).to_have_count(math.ceil(250 / STEPS))
    spans, drawn = blocks.evaluate_all(
        "all => [all.map((one) => Number(one.dataset.span)),"
        " all.map((one) => Number(one.querySelector('svg.lane').getAttribute('viewBox').split(' ')[2]))]"
    )
    assert drawn == [pytest.approx(1000 * max(spans) / span, abs=1) for span in spans]
    keep_history(long, [signaled("hurry")])
    expect(page.locator("#step-752")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.locator(STEP)).to_have_count(251)


def test_the_axis_says_how_far_it_reaches_as_the_run_goes_on(scene: Scene, sign_in: SignIn) -> None:
    run = start_refund(scene.home, scene.people.olga)
    keep_history(run, [started(run), *activity(2, "pay")])
    page = opened(sign_in(scene.people.victor), f"/runs/{run.id}/")
    end = page.locator("[data-axis-end]")
    before = end.inner_text()
    later = activity(5, "pay")
    later[-1].event_time.FromDatetime(NOON + timedelta(hours=1))
    keep_history(run, later)
    expect(page.locator(STEP)).to_have_count(2)
    expect(end).not_to_have_text(before)
    shown = end.inner_text()
    page.reload()
    expect(end).to_have_text(shown)


def test_what_unfolds_in_a_step_keeps_out_of_its_columns(scene: Scene, sign_in: SignIn, long: Run) -> None:
    keep_history(long, [signaled("hurry", {"by": "Zoë"})])
    page = sign_in(scene.people.victor)
    page.goto(f"/runs/{long.id}/?after=751")
    page.locator("#step-752 > summary").click()
    unfolds = page.locator("#step-752-input > summary")
    expect(unfolds).to_be_visible()
    box = unfolds.bounding_box()
    assert box is not None
    assert box["height"] < 40, "one line"
    unfolds.click()
    expect(page.locator("#step-752-input pre")).to_contain_text("Zoë")


def test_reading_on_without_scripts(scene: Scene, sign_in: SignIn, long: Run) -> None:
    page = sign_in(scene.people.victor, java_script_enabled=False)
    page.goto(f"/runs/{long.id}/?tab=events&order=newest")
    page.get_by_role("link", name="Show what follows").click()
    expect(page.locator("#event-651")).to_be_visible()
    page.locator("#event-650 summary strong").click()
    page.get_by_role("link", name="All of event 650").click()
    expect(page.get_by_role("heading", name="650")).to_be_visible()
    page.goto(f"/runs/{long.id}/")
    page.get_by_role("link", name="Show what follows").click()
    expect(page.locator(STEP).first).to_have_attribute("id", f"step-{2 + 3 * STEPS}")
