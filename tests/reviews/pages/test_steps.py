"""A run of many steps: block after block on one time axis, its troubles first wherever they are."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.pages.steps import STEPS as AT_ONCE
from reviews.runs.models import Attempt, Run, Step

HTMX = {"HX-Request": "true"}
STEPS = 250


@pytest.fixture
def steps(run: Run) -> Run:
    """One step a second, all done: at events 2, 4, 6, …"""
    start = timezone.now() - timedelta(seconds=STEPS)
    Run.objects.filter(id=run.id).update(started_at=start)
    Step.objects.bulk_create(
        Step(
            run=run, event_id=2 * number, kind="activity", name="pay", activity_id=str(number), status="completed",
            scheduled_at=start + timedelta(seconds=number - 1), closed_at=start + timedelta(seconds=number),
        )
        for number in range(1, STEPS + 1)
    )  # fmt: skip
    run.refresh_from_db()
    return run


def block(client: Client, run: Run, address: str = "") -> str:
    answer = client.get(f"{reverse('run_steps', args=[run.id])}?{address}", headers=HTMX)
    assert answer.status_code == 200
    return answer.content.decode()


def ids(content: str) -> list[int]:
    return [int(id) for id in re.findall(r'<details id="step-(\d+)"', content)]


def places(content: str) -> list[float]:
    return [float(x) for x in re.findall(r'class="go" x="([\d.]+)"', content)]


def test_blocks_follow_on_each_other(as_victor: Client, steps: Run) -> None:
    content = as_victor.get(reverse("run", args=[steps.id])).content.decode()
    found = ids(content)
    while following := re.search(r'rel="next" href="[^"]*after=(\d+)"', content):
        content = block(as_victor, steps, f"after={following[1]}")
        found += ids(content)
    assert found == [2 * number for number in range(1, STEPS + 1)]


def test_every_block_is_drawn_on_the_axis_of_the_whole_run(as_victor: Client, steps: Run) -> None:
    Run.objects.update(status="completed", closed_at=steps.started_at + timedelta(seconds=STEPS))
    drawn = [
        x
        for after in range(0, 2 * STEPS, 2 * AT_ONCE)
        for x in places(block(as_victor, steps, f"after={after}"))
    ]
    assert drawn == sorted(drawn)
    assert drawn[0] == 0
    assert drawn[124] == pytest.approx(1000 * 124 / STEPS, abs=1)
    assert drawn[-1] == pytest.approx(1000 * (STEPS - 1) / STEPS, abs=1)


def test_only_what_can_still_move_is_fetched_again(as_victor: Client, steps: Run) -> None:
    assert "data-live" not in block(as_victor, steps)
    last = f"after={2 * (STEPS - STEPS % AT_ONCE)}"
    assert "data-live" in block(as_victor, steps, last)
    steps.steps.filter(event_id=20).update(status="running")
    assert "again=full" in block(as_victor, steps)
    Run.objects.update(status="completed", closed_at=timezone.now())
    assert "data-live" not in block(as_victor, steps)
    assert "data-live" not in block(as_victor, steps, last)


def test_a_block_that_has_become_full_says_what_follows_once(as_victor: Client, steps: Run) -> None:
    assert "steps-tail" not in block(as_victor, steps, "again=full")
    assert 'hx-swap-oob="true"' in block(as_victor, steps, "again=last")
    assert "steps-tail" not in block(as_victor, steps, "after=400&again=last")


def test_troubles_come_first_on_every_tab_wherever_they_are(as_victor: Client, steps: Run) -> None:
    steps.steps.filter(event_id=480).update(
        status="timed_out", failure={"type": "timeout", "message": "too slow"}
    )
    steps.steps.filter(event_id=490).update(status="running", closed_at=None)
    Attempt.objects.create(
        run=steps, activity_id="245", activity_type="pay", number=1, outcome="failed", started_at=timezone.now(),
        failure={"type": "RateLimited", "message": "429"},
    )  # fmt: skip
    for tab in ("steps", "events", "details"):
        content = as_victor.get(reverse("run", args=[steps.id]), {"tab": tab}).content.decode()
        assert "timed out." in content
        assert "too slow" in content
        assert "failed 1 time and is tried again" in content
        assert "RateLimited: 429" in content
        assert content.index("too slow") < content.index('class="tabs"')
    assert ids(as_victor.get(f"/runs/{steps.id}/?after=479").content.decode())[0] == 480


def test_the_head_of_an_open_run_comes_alone(as_victor: Client, steps: Run) -> None:
    address = f"{reverse('run', args=[steps.id])}?tab=steps&part=head"
    part = as_victor.get(address, headers=HTMX).content.decode()
    assert part.startswith('<div id="run-head" data-live')
    assert "step-2" not in part
    Run.objects.update(status="completed", result={"paid": True}, closed_at=timezone.now())
    part = as_victor.get(address, headers=HTMX).content.decode()
    assert "every 1500ms" not in part
    assert re.search(r'id="result"[^>]+hx-swap-oob="true"', part)
