"""Two browsers: what one person does, the other sees, through the socket alone."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn
from tests.browser.scene import Scene


def live(page: Page) -> None:
    expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "Live")


def test_what_one_decides_the_others_question_says(scene: Scene, sign_in: SignIn) -> None:
    question = scene.question
    bob, ada = sign_in(scene.people.bob), sign_in(scene.people.ada)
    for page in (bob, ada):
        page.goto(f"/questions/{question.id}/")
        live(page)
    bob.wait_for_timeout(500)  # a key right after the page changed does nothing
    asked: list[str] = []
    ada.on("request", lambda request: asked.append(request.url))

    bob.keyboard.press("a")

    expect(ada.locator("#case")).to_contain_text(f"by {scene.people.bob}")
    expect(ada.locator("#queue")).not_to_contain_text(question.title)
