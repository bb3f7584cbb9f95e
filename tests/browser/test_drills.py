"""Starting a drill and watching it, in a browser: nothing is killed here, the test plays the drill's part."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import Settings

from reviews.drills import actions
from reviews.drills.models import Drill, DrillState
from tests.browser.conftest import Photograph, SignIn
from tests.browser.scene import Scene
from tests.browser.test_accessibility import SIZES, faults_of

pytestmark = pytest.mark.browser


def launch(drill: Drill) -> None:
    """Stands in for the process."""


def test_a_drill_is_confirmed_and_then_watched_as_it_goes_on(
    scene: Scene, sign_in: SignIn, settings: Settings, photograph: Photograph
) -> None:
    settings.DRILL_LAUNCHER = f"{__name__}.launch"
    page = sign_in(scene.people.alice, viewport=SIZES["390"], bypass_csp=True)
    page.goto("/drills/")
    page.locator("summary", has_text="Start…").first.click()
    assert not Drill.objects.exists(), "it is asked once more"
    photograph(page, "drills-to-start-390-light", full_page=True)
    assert faults_of(page) == []
    page.get_by_role("button", name="Kill the worker at task 47").click()
    expect(page.get_by_text("It is being started")).to_be_visible()

    drill = Drill.objects.get()
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    actions.follow(drill, scene.run, tasks=50, task=47)
    actions.count(drill, 46)
    expect(page.get_by_text("46 of 50 tasks are answered.")).to_be_visible()
    actions.struck(drill, "kill -9 4711: the worker dies while the model answers task 47.")
    expect(page.get_by_role("log")).to_contain_text("kill -9 4711")
    expect(page.get_by_text("The worker was killed during task 47.")).to_be_visible()
    actions.count(drill, 50)
    actions.end_drill(drill, DrillState.PASSED, "All 50 tasks are answered.", answered=50)
    expect(page.get_by_text("The drill passed.")).to_be_visible()
    expect(page.get_by_text("What was counted")).to_be_visible()


def test_the_list_hears_of_a_drill_that_somebody_else_starts(
    scene: Scene, sign_in: SignIn, settings: Settings, photograph: Photograph
) -> None:
    settings.DRILL_LAUNCHER = f"{__name__}.launch"
    page = sign_in(scene.people.alice, viewport=SIZES["1440"])
    page.goto("/drills/")
    photograph(page, "drills-to-start-1440-light", full_page=True)
    expect(page.get_by_text("Live", exact=True)).to_be_visible()
    _ = scene.drill
    expect(page.get_by_text("A drill runs now.")).to_be_visible()
    expect(page.locator("summary", has_text="Start…")).to_have_count(0)
    page.get_by_role("link", name="Watch it").click()
    expect(page.get_by_role("log")).to_contain_text("Another worker, process 4712")
