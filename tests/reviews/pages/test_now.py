"""What Temporal says of a run now, and asking its workflow: fragments that the run's page fetches."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from reviews.runs.controlling import pause_run
from reviews.runs.models import Run
from reviews.runs.unregistered import says_unregistered
from tests.support import fake_engine as made
from tests.support import short_histories
from tests.support.fake_engine import FakeEngine


@pytest.fixture(autouse=True)
def now(fake_engine: FakeEngine) -> FakeEngine:
    return fake_engine


def says(engine: FakeEngine, **fields: Any) -> None:
    engine.present = dataclasses.replace(engine.present, **fields)


def fragment(client: Client, run: Run, name: str = "now", **query: str) -> str:
    answer = client.get(reverse(name, args=[run.id]), query, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_page_asks_nobody_and_fetches_the_fragment(as_victor: Client, run: Run, now: FakeEngine) -> None:
    content = as_victor.get(reverse("run", args=[run.id])).content.decode()
    assert f'hx-get="/runs/{run.id}/now/" hx-trigger="load' in content
    assert f'href="/runs/{run.id}/now/"' in content, "a link where there are no scripts"
    assert now.asked == []


def test_without_scripts_it_is_a_page_of_its_own(as_victor: Client, run: Run) -> None:
    content = as_victor.get(reverse("now", args=[run.id])).content.decode()
    assert content.startswith("<!doctype html>")
    assert "It <strong>waits</strong> for the bank." in content


def test_a_retrying_activity_shows_its_failure_and_next_try(
    as_olga: Client, run: Run, now: FakeEngine
) -> None:
    says(now, activities=[made.activity("1", "check", "running", failure=None), made.activity()])
    content = fragment(as_olga, run)
    assert "The &lt;bank&gt; is closed." in content
    assert "caused by" not in content
    assert "attempt 4 of 5" in content
    assert "next try" in content
    assert "waits for its next try" in content
    assert content.index("ask_bank") < content.index("check"), "trouble comes first"
    assert f'action="/runs/{run.id}/activities/5/retry/"' in content
    assert f'action="/runs/{run.id}/activities/1/retry/"' not in content, "it runs"
    assert f'action="/runs/{run.id}/activities/1/pause/"' in content


def test_the_cause_of_a_failure_is_said_with_it(as_victor: Client, run: Run, now: FakeEngine) -> None:
    cause = {"type": "ConnectionError", "message": "<503> from the gateway", "retryable": True}
    says(now, activities=[made.activity(failure={"type": "Down", "message": "not charged", "cause": cause})])
    content = fragment(as_victor, run)
    assert content.index("not charged") < content.index("ConnectionError") < content.index("&lt;503&gt; from")


def test_a_run_that_is_held_up_is_not_said_to_wait(as_victor: Client, run: Run, now: FakeEngine) -> None:
    says(now, activities=[])
    assert "Nothing is pending" in fragment(as_victor, run)
    says(now, activities=[], task=made.failing_task())
    assert "Nothing is pending" not in fragment(as_victor, run)


def test_a_paused_activity_can_go_on(as_olga: Client, run: Run, now: FakeEngine) -> None:
    says(now, activities=[made.activity("a/b", state="paused", pause=made.paused())])
    content = fragment(as_olga, run)
    assert f'action="/runs/{run.id}/activities/a/b/unpause/"' in content
    assert "paused by olga, by Agentsite" in content


def test_a_failing_workflow_task_comes_first_with_its_reason(
    as_victor: Client, run: Run, now: FakeEngine
) -> None:
    short_histories.keep_short_history(run)
    says(now, task=made.failing_task(), activities=[made.activity()])
    content = fragment(as_victor, run)
    assert "tried 7 times" in content
    assert content.index("a bad deploy") < content.index("ask_bank")
    assert ("interface", ()) not in now.asked, "its code cannot answer"


def test_a_workflow_type_that_no_worker_knows_is_said_with_its_queue(
    as_victor: Client, run: Run, now: FakeEngine
) -> None:
    words = "Workflow class refund is not registered on this worker, available workflows: <other>"
    failed = short_histories.task_failed(3, words)
    short_histories.keep(run, short_histories.started(), failed)
    says(now, task=made.failing_task(), activities=[])
    content = fragment(as_victor, run)
    assert (
        f"<code>{run.queue}</code> do not know the workflow type <code>{run.workflow_type}</code>" in content
    )
    assert "available workflows: &lt;other&gt;" in content
    assert "own code fails" not in content


def test_an_activity_type_that_no_worker_knows_is_said_once(
    as_victor: Client, run: Run, now: FakeEngine
) -> None:
    failure = {
        "type": "NotFoundError",
        "message": "Activity function ask_bank is not registered on this worker",
    }
    unknown = [made.activity(id, failure=failure, queue="mail") for id in ("5", "6")]
    says(now, activities=[*unknown, made.activity("7", "check")])
    content = fragment(as_victor, run)
    assert content.count("<code>mail</code> do not know the activity type <code>ask_bank</code>") == 1
    assert content.count("do not know") == 1
    assert content.index("do not know") < content.index("Pending activities")


@pytest.mark.parametrize(
    ("message", "unknown"),
    [
        ("Workflow class a is not registered on this worker, available workflows: b", True),
        ("Activity function a for workflow w is not registered on this worker, available activities: ", True),
        ("Activity function a is not registered on this Worker, available activities: []", True),
        (
            "Failed to initialize workflow of type 'a': no such function is exported by the workflow bundle",
            True,
        ),
        ("unable to find workflow type: a. Supported types: [b]", True),
        ("unable to find activityType=a. Supported types: [b]", True),
        ('Unknown workflow type "a". Known types are [b]', True),
        ('Activity Type "a" is not registered with a worker. Known types are: b', True),
        ("The customer is not registered on this worker", False),
        ("Dora said: unable to find workflow type: a", False),
        ("", False),
    ],
)
def test_the_words_of_the_sdks(message: str, unknown: bool) -> None:
    assert says_unregistered(message) is unknown


def test_a_queue_that_nobody_polls_is_said(as_victor: Client, run: Run, now: FakeEngine) -> None:
    says(
        now,
        queues=[
            made.queue("research-agent", workers=False),
            made.queue("mail", workers=False, activities=True),
        ],
    )
    content = fragment(as_victor, run)
    assert "Nobody polls the queue <code>research-agent</code> for workflows." in content
    assert "Nobody polls the queue <code>mail</code> for activities." in content
    assert now.asked == [("now", ())], "nobody is there to be asked"


def test_children_link_to_their_own_page_where_there_is_one(
    as_victor: Client, run: Run, now: FakeEngine
) -> None:
    says(now, children=[made.child(str(run.run_id)), made.child("unmet")])
    content = fragment(as_victor, run)
    assert content.count(f'href="/runs/{run.id}/">ship') == 1
    assert content.count("ship") == 2


def test_those_who_only_read_get_no_buttons(as_victor: Client, run: Run, now: FakeEngine) -> None:
    says(now, activities=[made.activity()])
    assert "<form" not in fragment(as_victor, run)


def test_temporal_away_is_said_and_breaks_nothing(as_victor: Client, run: Run, now: FakeEngine) -> None:
    now.error = "Temporal did not answer within 2 s."
    assert now.error in fragment(as_victor, run)
    assert now.error in fragment(as_victor, run, "ask")


def test_the_workers_that_poll_are_named(as_victor: Client, run: Run) -> None:
    content = fragment(as_victor, run)
    assert "1 worker polls research-agent" in content
    assert "4711@worker-1" in content


def test_the_names_of_signals_come_with_their_description(as_olga: Client, run: Run) -> None:
    assert '<option value="hurry">Makes it hurry.</option>' in fragment(as_olga, run)
    assert 'list="signal-names"' in as_olga.get(reverse("run", args=[run.id])).content.decode()


def test_few_queries(
    as_olga: Client, run: Run, now: FakeEngine, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    says(now, activities=[made.activity()], children=[made.child()])
    with django_assert_max_num_queries(8):
        fragment(as_olga, run)


# Asking


def test_what_the_workflow_takes_is_listed(as_victor: Client, run: Run) -> None:
    content = fragment(as_victor, run, "ask")
    for words in ("progress", "How far it is.", "set_limit", "Sets the limit.", "hurry", "Makes it hurry."):
        assert words in content


def test_a_query_is_answered(as_victor: Client, run: Run, now: FakeEngine) -> None:
    content = fragment(as_victor, run, "ask", query="progress", arguments='{"since": 1} 5')
    assert "&quot;done&quot;: 3" in content
    assert ("progress", [{"since": 1}, 5]) in now.asked


def test_the_stack_trace_is_shown_as_text(as_victor: Client, run: Run) -> None:
    assert "File refund.py, line 7</pre>" in fragment(as_victor, run, "ask", query="__stack_trace")


def test_arguments_that_are_no_json_are_asked_of_nobody(as_victor: Client, run: Run, now: FakeEngine) -> None:
    content = fragment(as_victor, run, "ask", query="progress", arguments="{since}")
    assert 'aria-invalid="true"' in content
    assert [what for what, _ in now.asked] == ["interface"]


def test_an_error_of_the_query_is_said(as_victor: Client, run: Run) -> None:
    assert "There is no query nothing." in fragment(as_victor, run, "ask", query="nothing")


def test_the_tab_asks_nobody(as_olga: Client, run: Run, now: FakeEngine) -> None:
    content = as_olga.get(reverse("run", args=[run.id]), {"tab": "ask"}).content.decode()
    assert f'hx-get="/runs/{run.id}/ask/"' in content
    assert "Send an update…" in content
    assert now.asked == []


# What became of it


def test_what_was_sent_is_listed_with_who_and_why_not(as_victor: Client, run: Run, olga: Account) -> None:
    pause_run(run, by=olga)
    Message.objects.filter(kind=MessageKind.PAUSE).update(
        state="refused", last_error="This Temporal server cannot do it: <no>", ended_at=timezone.now()
    )
    content = as_victor.get(reverse("run", args=[run.id])).content.decode()
    assert "Sent to Temporal" in content
    assert "by olga" in content
    assert "cannot do it: &lt;no&gt;" in content


def test_what_was_sent_costs_one_query(
    as_olga: Client, run: Run, olga: Account, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    pause_run(run, by=olga)
    with django_assert_max_num_queries(11):
        as_olga.get(reverse("run", args=[run.id]))
