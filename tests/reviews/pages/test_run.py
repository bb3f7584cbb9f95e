"""A run's page: where it stands, what it did, and steering it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.artifacts.actions import write_version
from reviews.escalations.models import Escalation
from reviews.outbox.models import Message, MessageKind
from reviews.pages import run as page
from reviews.people.models import Account
from reviews.runs.actions import start_run
from reviews.runs.models import Attempt, ModelCall, Run, Step
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND


@pytest.fixture
def retried(run: Run) -> Step:
    """A step that failed once, waited 4 s, and is tried again."""
    start = timezone.now() - timedelta(seconds=30)
    Run.objects.filter(id=run.id).update(started_at=start)
    step = Step.objects.create(
        run=run, event_id=5, kind="activity", name="pay", activity_id="1", status="running", attempts=2, scheduled_at=start
    )  # fmt: skip
    tries = Attempt.objects
    tries.create(
        run=run, activity_id="1", activity_type="pay", number=1, outcome="failed", worker="w-1", started_at=start,
        ended_at=start + timedelta(seconds=2), failure={"type": "RateLimited", "message": "429 from <the> bank"},
    )  # fmt: skip
    tries.create(
        run=run, activity_id="1", activity_type="pay", number=2, started_at=start + timedelta(seconds=6),
        progress={"sent": 3},
    )  # fmt: skip
    return step


def shown(client: Client, run: Run, tab: str = "steps") -> str:
    answer = client.get(reverse("run", args=[run.id]), {"tab": tab})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_waiting_run_links_to_its_question(as_victor: Client, question: Escalation) -> None:
    content = shown(as_victor, question.run)
    assert "waiting for a person" in content
    assert reverse("question", args=[question.id]) in content
    assert question.title in shown(as_victor, question.run, "questions")


def test_each_attempt_shows_its_failure_wait_and_worker(as_victor: Client, run: Run, retried: Step) -> None:
    content = shown(as_victor, run)
    assert "429 from &lt;the&gt; bank" in content
    assert "then waited 4.0 s" in content
    assert "w-1" in content
    assert "&quot;sent&quot;: 3" in content
    assert "failed 1 time and is tried again" in content


def test_the_bars_stay_in_the_picture(as_victor: Client, run: Run, retried: Step) -> None:
    answer = as_victor.get(reverse("run", args=[run.id]))
    bars = answer.context["waterfall"].rows[0].bars
    assert [bar.kind for bar in bars] == ["wait", "try", "go"]
    assert all(bar.x >= 0 and bar.x + bar.width <= 1000.1 for bar in bars)


def test_model_calls_say_when_the_words_are_the_demo_models(as_victor: Client, run: Run) -> None:
    ModelCall.objects.create(
        run=run, activity_id="1", attempt=1, purpose="plan", model="demo-small", demo=True, duration_ms=1830,
        messages=[{"role": "user", "content": "Plan <it>"}], answer="A plan", tokens_in=1200, tokens_out=40,
        started_at=timezone.now(),
    )  # fmt: skip
    content = shown(as_victor, run, "calls")
    assert "answer of the demo model" in content
    assert "Plan &lt;it&gt;" in content
    assert "1,200 tokens in" in content


def test_files_of_the_run(as_victor: Client, run: Run, home: Workspace) -> None:
    write_version(home, "out/report.md", b"x", media_type="text/markdown", run=run)
    assert "out/report.md" in shown(as_victor, run, "files")


@pytest.mark.parametrize("after", ["-1", "x", "٣", "9" * 30])
def test_a_broken_cursor_breaks_nothing(as_victor: Client, run: Run, after: str) -> None:
    for tab in page.TABS:
        assert as_victor.get(reverse("run", args=[run.id]), {"tab": tab, "after": after}).status_code == 200


def test_a_start_that_waits_for_temporal_says_why(as_victor: Client, run: Run, olga: Account) -> None:
    waiting = start_run(run.workspace, "refund", REFUND, by=olga)
    Message.objects.filter(subject=waiting.id).update(last_error="UNAVAILABLE: refused")
    assert "UNAVAILABLE: refused" in shown(as_victor, waiting)


def test_a_closed_run_shows_its_result(as_olga: Client, run: Run) -> None:
    Run.objects.update(status="completed", result={"paid": True}, closed_at=timezone.now())
    content = shown(as_olga, run)
    assert "&quot;paid&quot;: true" in content
    assert "Terminate…" not in content


def test_a_failed_run_says_why(as_victor: Client, run: Run) -> None:
    Run.objects.update(
        status="failed", failure={"type": "Refused", "message": "no <money>"}, closed_at=timezone.now()
    )
    assert "no &lt;money&gt;" in shown(as_victor, run)


def test_what_lies_behind_a_failure_is_said(as_victor: Client, run: Run) -> None:
    cause = {
        "type": "GatewayDown",
        "message": "<503>",
        "cause": {"type": "ConnectionError", "message": "refused"},
    }
    failure = {"type": "activity_failure", "message": "Activity task failed", "cause": cause}
    Run.objects.update(status="failed", failure=failure, closed_at=timezone.now())
    content = shown(as_victor, run)
    places = [
        content.index(word) for word in ("Activity task failed", "GatewayDown", "&lt;503&gt;", "refused")
    ]
    assert places == sorted(places)


def test_a_run_made_by_a_reset_lasts_since_the_reset(as_victor: Client, run: Run) -> None:
    began = timezone.now() - timedelta(hours=5)
    Run.objects.update(
        status="completed", started_at=began, created_at=began + timedelta(hours=4), reset_event_id=4,
        closed_at=began + timedelta(hours=4, seconds=42),
    )  # fmt: skip
    assert "<dt>Took</dt><dd>42.0 s</dd>" in shown(as_victor, run)


def test_a_run_is_fetched_again_when_it_changes(as_victor: Client, run: Run) -> None:
    assert f'data-live="run:{run.id} message:{run.id}"' in shown(as_victor, run)
    fragment = as_victor.get(reverse("run", args=[run.id]), headers={"HX-Request": "true"}).content
    assert fragment.startswith(b'<div id="run"')


def test_executions_of_a_chain_link_to_each_other(as_victor: Client, run: Run, olga: Account) -> None:
    later = start_run(run.workspace, "refund", REFUND, by=olga)
    Run.objects.filter(id=later.id).update(previous=run, chain=run.chain)
    assert f'href="/runs/{later.id}/">Next execution' in shown(as_victor, run)
    assert f'href="/runs/{run.id}/">Previous execution' in shown(as_victor, later)


@pytest.mark.parametrize("tab", page.TABS)
def test_the_number_of_queries_stays_small(
    as_olga: Client, question: Escalation, retried: Step, tab: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    with django_assert_max_num_queries(10):
        as_olga.get(reverse("run", args=[question.run_id]), {"tab": tab})


def test_outsiders_find_nothing(as_charlie: Client, run: Run) -> None:
    assert as_charlie.get(reverse("run", args=[run.id])).status_code == 404
    assert as_charlie.post(reverse("cancellation", args=[run.id])).status_code == 404


def test_a_signal_is_queued_once(as_olga: Client, run: Run) -> None:
    data = {"name": "hurry", "input": '{"by": 2}', "attempt": "the-attempt-of-this-form"}
    for _ in range(2):
        assert as_olga.post(reverse("signals", args=[run.id]), data).status_code == 302
    assert Message.objects.get(kind=MessageKind.SIGNAL).body == {"name": "hurry", "input": {"by": 2}}


@pytest.mark.parametrize(("text", "argument"), [("", {}), (" ", {}), ("null", {"input": None})])
def test_an_empty_field_is_no_argument_of_a_signal(
    as_olga: Client, run: Run, text: str, argument: dict[str, None]
) -> None:
    as_olga.post(reverse("signals", args=[run.id]), {"name": "end", "input": text})
    assert Message.objects.get(kind=MessageKind.SIGNAL).body == {"name": "end", **argument}


@pytest.mark.parametrize(("name", "text"), [("", "1"), ("hurry", "{"), ("x" * 300, "")])
def test_a_signal_that_cannot_be_read_is_not_sent(as_olga: Client, run: Run, name: str, text: str) -> None:
    answer = as_olga.post(reverse("signals", args=[run.id]), {"name": name, "input": text})
    assert answer.status_code == 422
    assert b'aria-invalid="true"' in answer.content
    assert not Message.objects.filter(kind=MessageKind.SIGNAL).exists()


def test_canceling_asks_once(as_olga: Client, run: Run) -> None:
    for attempt in ("first-attempt-of-it", "second-attempt-of-it"):
        as_olga.post(reverse("cancellation", args=[run.id]), {"attempt": attempt})
    assert Message.objects.filter(kind=MessageKind.CANCEL).count() == 1
    assert "asked to cancel" in shown(as_olga, run)


def test_terminating_needs_a_reason(as_olga: Client, run: Run) -> None:
    assert as_olga.post(reverse("termination", args=[run.id]), {"reason": " "}).status_code == 422
    as_olga.post(reverse("termination", args=[run.id]), {"reason": "runs wild"})
    assert Message.objects.get(kind=MessageKind.TERMINATE).body["reason"] == "runs wild"


@pytest.mark.parametrize("control", ["signals", "cancellation", "termination"])
def test_reviewers_and_viewers_steer_nothing(
    as_bob: Client, as_victor: Client, run: Run, control: str
) -> None:
    data = {"name": "x", "reason": "y"}
    for client in (as_bob, as_victor):
        assert client.post(reverse(control, args=[run.id]), data).status_code == 403
        assert "Terminate…" not in shown(client, run)
    assert not Message.objects.exclude(kind=MessageKind.START).exists()


@pytest.mark.parametrize("control", ["signals", "cancellation", "termination"])
def test_a_closed_run_takes_no_control(as_olga: Client, run: Run, control: str) -> None:
    Run.objects.update(status="completed", closed_at=timezone.now())
    answer = as_olga.post(reverse(control, args=[run.id]), {"name": "x", "reason": "y"})
    assert answer.status_code == 409
    assert b"The run has ended" in answer.content
