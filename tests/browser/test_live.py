"""Two browsers: what one person does, the other sees, through the socket alone; and what a live page must not do."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable

import pytest
from django.db import transaction
from playwright.sync_api import Page, expect

from reviews.changes import actions as changes
from reviews.escalations import actions as escalations
from reviews.escalations.models import Escalation
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.workspaces.actions import withdraw
from reviews.workspaces.models import Role
from tests.browser.conftest import PATIENCE_MS, Photograph, SignIn
from tests.browser.moments import live, opened, press_and_follow, settle
from tests.browser.scene import Scene
from tests.support.change_log import forget_the_log
from tests.support.people import start_refund
from tests.support.served import Served

pytestmark = pytest.mark.browser
PARTS = "[data-live]:not(#now)"  # which shows Temporal's answer, with its time
FRESH_EACH_TIME = [
    (re.compile(r"<time[^>]*>[^<]*</time>"), "<time>"),
    (re.compile(r'(name="(?:csrfmiddlewaretoken|attempt)" value=")[^"]*'), r"\1"),
    (re.compile(r"\s*\bhtmx-[a-z]+\b"), ""),
    (re.compile(r' (?:open|hidden|data-drawn|class)=""'), ""),
    (re.compile(r"<svg.*?</svg>", re.DOTALL), ""),  # a running bar grows
    (re.compile(r' data-span(-words)?="[^"]*"'), ""),
    (re.compile(r"\s+"), " "),
]


THROTTLED = """
  const [soon, often] = [window.setTimeout, window.setInterval];
  window.setTimeout = (work, ms = 0, ...more) => soon(work, Math.max(ms, 1000), ...more);
  window.setInterval = (work, ms = 0, ...more) => often(work, Math.max(ms, 1000), ...more);
"""
"""As browsers do to a tab in the background."""


@pytest.mark.parametrize("throttled", [False, pytest.param(True, marks=pytest.mark.soak)])
def test_what_one_decides_the_others_inbox_and_question_say_without_asking(
    scene: Scene, sign_in: SignIn, photograph: Photograph, throttled: bool
) -> None:
    question, other = scene.question, scene.high_risk
    bob, ada = sign_in(scene.people.bob), sign_in(scene.people.ada)
    if throttled:
        ada.add_init_script(THROTTLED)
    for page in (bob, ada):
        opened(page, f"/questions/{question.id}/")
    expect(ada.locator("#lookers")).to_contain_text(str(scene.people.bob))
    film(photograph, "1-both-look", bob, ada)
    asked: list[str] = []
    ada.on("request", lambda request: asked.append(request.url))
    for _ in range(4):  # who looks is told a moment later, and throttled timers take their time
        asked.clear()
        ada.wait_for_timeout(2500)
        if not asked:
            break
    assert asked == [], "while nothing changes nothing is asked for"

    settle(bob)
    press_and_follow(bob, "a")

    expect(ada.locator("#case")).to_contain_text(f"by {scene.people.bob}")
    expect(ada.locator("#queue")).not_to_contain_text(question.title)
    expect(ada.locator("#queue")).to_contain_text(other.title)
    expect(ada.locator("[data-key=a]")).to_have_count(0)
    expect(ada).to_have_title(re.compile(r"^\(1\) "))
    film(photograph, "2-one-decided", bob, ada)


def film(photograph: Photograph, moment: str, *pages: Page) -> None:
    """One picture a browser, of the same moment."""
    for name, page in zip(("one", "other"), pages, strict=True):
        photograph(page, f"live-{moment}-{name}")


def test_what_is_being_written_outlives_somebody_elses_answer(scene: Scene, sign_in: SignIn) -> None:
    page = opened(sign_in(scene.people.ada), f"/questions/{scene.question.id}/")
    page.locator("summary[data-key=d]").click()
    words = page.locator("details[open] textarea").first
    words.fill("Not with this customer")

    scene.approve(scene.question)

    expect(page.locator("#case")).to_contain_text(f"by {scene.people.bob}")
    expect(words).to_have_value("Not with this customer")
    expect(page.get_by_text("What you wrote is kept here")).to_be_visible()
    expect(page.locator("[data-late] button:not([disabled])")).to_have_count(0)


def test_a_claim_does_not_disturb_who_writes(scene: Scene, sign_in: SignIn) -> None:
    page = opened(sign_in(scene.people.ada), f"/questions/{scene.question.id}/")
    page.locator("summary[data-key=d]").click()
    words = page.locator("details[open] textarea").first
    words.fill("Not with")
    words.press("End")

    escalations.claim(scene.question, by=scene.people.bob)

    expect(page.locator(".decide")).to_contain_text(f"{scene.people.bob} is looking at this")
    expect(words).to_be_focused()
    page.keyboard.type(" him")
    expect(words).to_have_value("Not with him")


def test_a_list_that_is_read_counts_what_came_and_shows_it_when_asked(scene: Scene, sign_in: SignIn) -> None:
    first = scene.ask("First?")
    page = opened(sign_in(scene.people.bob), f"/questions/{first.id}/")
    page.keyboard.press("j")
    items = page.locator("#queue [data-item]")
    expect(items.first).to_be_focused()

    scene.ask("Second?")
    scene.ask("Third?")

    arrivals = page.locator("[data-show-arrivals]")
    expect(arrivals).to_contain_text("2 new")
    expect(items).to_have_count(1)
    expect(items.first).to_be_focused()
    expect(page).to_have_title(re.compile(r"^\(3\) "))
    page.keyboard.press("n")
    expect(items).to_have_count(3)
    expect(arrivals).to_be_hidden()


def test_a_list_that_nobody_reads_takes_all_in(scene: Scene, sign_in: SignIn) -> None:
    page = opened(sign_in(scene.people.bob), "/")
    expect(page.locator(".empty")).to_be_visible()
    question = scene.question
    expect(page.locator("#queue")).to_contain_text(question.title)
    expect(page.locator("#case")).to_contain_text(question.title)


def test_a_cut_is_said_and_nothing_is_missed(scene: Scene, sign_in: SignIn, pages: Served) -> None:
    page = sign_in(scene.people.ada, goes_offline=True)
    page.clock.install()
    opened(page, f"/questions/{scene.question.id}/")
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    expect(page.locator("[data-live-state]")).to_have_attribute(
        "data-live-state", "Live"
    )  # the socket still stands
    for _ in range(2):  # and is silent for too long, as after a sleep: a last word may come in the first
        page.clock.run_for(60_000)
    expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "Offline")
    expect(page.get_by_role("link", name="Reload")).to_be_visible()

    scene.approve(scene.question)
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")
    page.clock.run_for(2_000)
    page.clock.resume()

    live(page)
    expect(page.locator("#case")).to_contain_text(f"by {scene.people.bob}")


def test_after_a_sleep_longer_than_the_log_every_part_is_new_and_what_is_typed_stays(
    scene: Scene, sign_in: SignIn, pages: Served
) -> None:
    page = sign_in(scene.people.ada, goes_offline=True)
    opened(page, f"/questions/{scene.question.id}/")
    loaded = page.evaluate("performance.timeOrigin")
    page.locator("summary[data-key=d]").click()
    page.locator("#reject-comment").fill("Not before I have")
    page.context.set_offline(True)
    page.evaluate("dispatchEvent(new Event('offline'))")
    drop_sockets(pages)
    expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "Offline")

    scene.ask("While the laptop sleeps?")
    forget_the_log()
    page.context.set_offline(False)
    page.evaluate("dispatchEvent(new Event('online'))")

    live(page)
    expect(page.locator("#queue")).to_contain_text("While the laptop sleeps?")
    expect(page.locator("#reject-comment")).to_have_value("Not before I have")
    assert page.evaluate("performance.timeOrigin") == loaded, "the page itself was not loaded anew"


def drop_sockets(pages: Served) -> None:
    """As a network that is gone: without a closing word."""
    assert pages.server is not None and pages.loop is not None
    for connection in list(pages.server.server_state.connections):
        if transport := getattr(connection, "transport", None):
            pages.loop.call_soon_threadsafe(transport.abort)


def test_who_is_signed_out_elsewhere_is_told(scene: Scene, sign_in: SignIn) -> None:
    page = opened(sign_in(scene.people.ada), "/runs/")
    other = page.context.new_page()
    opened(other, "/runs/")
    other.locator("summary", has_text=str(scene.people.ada)).click()
    other.get_by_role("button", name="Sign out").click()
    expect(page.locator("[data-live-state]")).to_have_attribute("data-live-state", "Signed out")
    page.get_by_role("link", name="Reload").click()
    expect(page).to_have_url(re.compile("/login/"))


def test_a_role_taken_away_closes_the_page_that_it_opened(scene: Scene, sign_in: SignIn) -> None:
    page = opened(sign_in(scene.people.bob), f"/questions/{scene.question.id}/")
    withdraw(scene.home, scene.people.bob, Role.REVIEWER, by=scene.people.alice)
    expect(page.get_by_text("There is nothing here")).to_be_visible()


def test_a_hidden_tab_keeps_its_title_and_catches_up_when_looked_at(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.add_init_script(
        "let hidden = false;"
        "Object.defineProperty(Document.prototype, 'hidden', { get: () => hidden });"
        "window.hide = (now) => { hidden = now; document.dispatchEvent(new Event('visibilitychange')); };"
    )
    question = scene.question
    opened(page, f"/questions/{question.id}/")
    page.evaluate("hide(true)")
    scene.ask("While nobody looks?")
    expect(page).to_have_title(re.compile(r"^\(2\) "))
    expect(page.locator("#queue [data-item]")).to_have_count(1)
    page.evaluate("hide(false)")
    expect(page.locator("#queue [data-item]")).to_have_count(2)


def test_times_go_on_by_the_servers_clock_though_the_browsers_is_wrong(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob)
    page.clock.install(time="2031-01-01T00:00:00Z")
    opened(page, f"/runs/{scene.run.id}/?tab=details")
    page.clock.run_for(3_000)
    expect(page.locator("#run-head time[data-form=ago]").first).to_have_text(re.compile(r"^\d{1,2} s ago$"))


def test_without_scripts_a_link_loads_the_page_anew(scene: Scene, sign_in: SignIn) -> None:
    page = sign_in(scene.people.bob, java_script_enabled=False)
    page.goto("/runs/?status=open")
    page.get_by_role("link", name="Reload").click()
    expect(page).to_have_url(re.compile(r"/runs/\?status=open$"))


# Page + changes = fresh page


class Day:
    """Random things that happen, each through its action; told by the action itself."""

    def __init__(self, scene: Scene, seed: int) -> None:
        self.scene, self.random = scene, random.Random(seed)
        self.open: list[Escalation] = [scene.question]
        self.decided: list[Escalation] = []
        self.run = scene.run
        self.steps = 0

    def happen(self) -> None:
        deeds: list[Callable[[], object]] = [self._ask, self._start, self._step, self._close, self._file]
        if self.open:
            deeds += [self._claim, self._release, self._decide, self._decide, self._withdraw]
        if self.decided:
            deeds += [self._deliver, self._act]
        self.random.choice(deeds)()

    def _ask(self) -> None:
        self.open.append(self.scene.ask(f"Question {self.random.random()}?"))

    def _start(self) -> None:
        start_refund(self.scene.home, self.scene.people.olga)

    def _step(self) -> None:
        self.steps += 1
        self.scene.add_step_at(40 + self.steps)

    def _close(self) -> None:
        run = Run.objects.exclude(id=self.run.id).filter(status="running").order_by("?").first()
        if run is not None and not run.escalations.exists():
            Run.objects.filter(id=run.id).update(status="completed")
            with transaction.atomic():
                mirroring.tell(run)

    def _file(self) -> None:
        self.scene.write(f"report-{self.random.randrange(5)}.md")

    def _someone(self) -> Account:
        return self.random.choice([self.scene.people.bob, self.scene.people.ada])

    def _claim(self) -> None:
        escalations.claim(self.random.choice(self.open), by=self._someone())

    def _release(self) -> None:
        escalations.release(self.random.choice(self.open), by=self._someone())

    def _decide(self) -> None:
        question = self.open.pop(self.random.randrange(len(self.open)))
        self.scene.approve(question)
        self.decided.append(question)

    def _withdraw(self) -> None:
        question = self.open.pop(self.random.randrange(len(self.open)))
        escalations.settle(question.id, "withdrawn", run_id=question.run.run_id)

    def _deliver(self) -> None:
        escalations.delivered(self.random.choice(self.decided).decisions.get().id)

    def _act(self) -> None:
        decision = self.random.choice(self.decided).decisions.get()
        escalations.acknowledge(decision.id, "acted_on", run_id=decision.escalation.run.run_id)


def parts(page: Page) -> dict[str, str]:
    """Each live part by its id, without what differs between two looks at the same thing."""
    found: dict[str, str] = page.evaluate(
        f"Object.fromEntries([...document.querySelectorAll('{PARTS}')].map((one) => [one.id, one.outerHTML]))"
    )
    for pattern, put in FRESH_EACH_TIME:
        found = {id: pattern.sub(put, html) for id, html in found.items()}
    return found


ADDRESSES = ["/questions/{question}/", "/questions/{question}/?tab=decided", "/runs/", "/files/",
             *(f"/runs/{{run}}/?tab={tab}" for tab in ("steps", "calls", "files", "questions", "family", "details"))]  # fmt: skip


@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.soak), pytest.param(3, marks=pytest.mark.soak)]
)
def test_a_page_and_its_changes_are_a_fresh_page(scene: Scene, sign_in: SignIn, seed: int) -> None:
    day = Day(scene, seed)
    first = sign_in(scene.people.victor)
    kept: dict[str, Page] = {}
    for address in ADDRESSES:
        address = address.format(question=scene.question.id, run=scene.run.id)
        kept[address] = opened(first.context.new_page(), address)
    for _ in range(30):
        day.happen()
    with transaction.atomic():
        changes.record(("inbox", scene.home.id), workspace_id=scene.home.id)
    fresh = first
    for address, page in kept.items():
        page.bring_to_front()
        fresh.goto(address)
        expected = parts(fresh)
        end = time.monotonic() + PATIENCE_MS / 1000
        while (shown := parts(page)) != expected and time.monotonic() < end:
            page.wait_for_timeout(100)
        assert shown == expected, address
