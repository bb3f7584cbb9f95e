"""What goes on inside a step is said in words, under the step, whoever looks and whatever an activity says."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from reviews.pages.progress import progress_of
from reviews.runs.models import Attempt, Run, Step


def attempt(run: Run, progress: Any, **fields: Any) -> None:
    start = timezone.now() - timedelta(seconds=9)
    Step.objects.create(
        run=run, event_id=5, kind="activity", name="write", activity_id="1",
        status="completed" if fields else "running", scheduled_at=start,
    )  # fmt: skip
    Attempt.objects.create(
        run=run,
        activity_id="1",
        activity_type="write",
        number=1,
        started_at=start,
        progress=progress,
        **fields,
    )


def shown(client: Client, run: Run) -> str:
    return client.get(reverse("run_steps", args=[run.id]), headers={"HX-Request": "true"}).content.decode()


def test_what_a_model_writes_is_shown_under_its_step(as_victor: Client, run: Run) -> None:
    attempt(run, {"characters": 1312, "text": "and <b>then</b> the"})
    content = shown(as_victor, run)
    line = content[content.index('class="writing') :]
    assert "1,312 characters so far" in line
    assert "and &lt;b&gt;then&lt;/b&gt; the" in line
    assert "data-live" in content


def test_it_is_gone_when_the_step_is_done(as_victor: Client, run: Run) -> None:
    attempt(run, {"characters": 12, "text": "all of it"}, outcome="completed", ended_at=timezone.now())
    content = shown(as_victor, run)
    assert 'class="writing' not in content
    assert "all of it" not in content
    assert "12 characters were written" in content


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({"characters": 0, "text": ""}, "waits for the model’s first word"),
        ({"fault": "no JSON"}, "the model is told what was wrong:"),
        ({"slot": {"model": "m", "at": time.time(), "tokens": 1}}, "waits for its turn at the model"),
    ],
)
def test_each_kind_has_its_words(details: Any, words: str) -> None:
    assert progress_of(details).words == words


@pytest.mark.parametrize(
    "details",
    [{"percent": 40}, 7, "half", [1], {"characters": "many", "text": 5}, {"slot": {"at": 1e300}}, {"fault": 5}, {"slot": 5}],
)  # fmt: skip
def test_what_a_foreign_activity_says_is_shown_as_it_is(as_victor: Client, run: Run, details: Any) -> None:
    assert progress_of(details).raw == details
    attempt(run, details)
    assert "progress: <code>" in shown(as_victor, run)
