"""Where a run belongs: its chain, and the tree of those that started each other."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from temporalio.api.enums.v1 import ContinueAsNewInitiator

from reviews.changes.models import Change
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.histories import keep_history, started
from tests.support.people import People, approve, ask_refund, child_of, start_refund

HTMX = {"HX-Request": "true"}


def relative(run: Run, number: int, **fields: Any) -> Run:
    id = uuid.uuid4()
    values: dict[str, Any] = {
        "id": id, "chain": id, "workspace": run.workspace, "namespace": run.namespace, "workflow_id": f"relative-{number}",
        "run_id": str(id), "agent": "refund", "status": "completed",
        "created_at": timezone.now() + timedelta(seconds=number),
    }  # fmt: skip
    return Run.objects.create(**(values | fields))


def shown(client: Client, run: Run) -> str:
    answer = client.get(reverse("run", args=[run.id]), {"tab": "family"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_chain_says_how_each_came_about(as_victor: Client, run: Run) -> None:
    Run.objects.filter(id=run.id).update(status="continued_as_new")
    before, chain = run, run.chain
    for number, fields in enumerate(
        [{"status": "failed"}, {"status": "terminated"}, {"reset_event_id": 17}], 1
    ):
        before = relative(run, number, chain=chain, previous=before, **fields)
        if number == 2:
            initiator = ContinueAsNewInitiator.CONTINUE_AS_NEW_INITIATOR_RETRY
            keep_history(before, [started(before, initiator=initiator)])
    content = shown(as_victor, run)
    words = ["the first", "continued as new", "retried after the failure", "reset to event 17"]
    places = [content.index(f'<span class="small">{one}</span>') for one in words]
    assert places == sorted(places)


def test_the_tree_shows_parents_and_children(as_victor: Client, run: Run) -> None:
    root = relative(run, 1)
    Run.objects.filter(id=run.id).update(parent=root)
    child = relative(run, 2, parent=run)
    grandchild = relative(run, 3, parent=child)
    content = shown(as_victor, run)
    assert content.index("relative-1") < content.index("this run", content.index('id="tree"'))
    assert "relative-2" in content
    assert "relative-3" not in content, "collapsed until it is opened"
    assert reverse("run_children", args=[child.id]) in content
    part = as_victor.get(reverse("run_children", args=[child.id]), headers=HTMX).content.decode()
    assert grandchild.workflow_id in part


def test_each_relative_says_how_long_it_took(as_victor: Client, run: Run) -> None:
    began = timezone.now() - timedelta(hours=1)
    relative(run, 1, parent=run, started_at=began, closed_at=began + timedelta(seconds=42))
    relative(run, 2, parent=run, started_at=began, status="running")
    content = shown(as_victor, run)
    assert "took 42.0 s · started" in content
    assert re.search(r"running for <time [^>]+>1 h</time> · started", content)


def test_a_thousand_children_are_few_queries(
    as_victor: Client, run: Run, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    Run.objects.bulk_create(
        Run(id=id, chain=id, workspace=run.workspace, namespace=run.namespace, workflow_id=f"child-{number:04}",
            run_id=str(id), agent="refund", status="completed", parent=run)
        for number, id in enumerate(uuid.uuid4() for _ in range(1000))
    )  # fmt: skip
    with django_assert_max_num_queries(10):
        content = shown(as_victor, run)
    assert content.count("child-") == 50
    assert "after=50" in content
    found = set()
    for after in range(0, 1000, 50):
        part = as_victor.get(
            reverse("run_children", args=[run.id]), {"after": after}, headers=HTMX
        ).content.decode()
        found |= {line[:10] for line in part.split('dir="auto">')[1:]}
    assert len(found) == 1000


def test_a_question_further_down_is_said_at_the_top(as_victor: Client, run: Run, people: People) -> None:
    between = child_of(run, start_refund(run.workspace, people.olga))
    asking = child_of(between, start_refund(run.workspace, people.olga))
    assert "A run below waits" not in shown(as_victor, run)
    question = ask_refund(asking)
    content = shown(as_victor, run)
    assert "a run below waits for a person" in content, "the run's own mark"
    assert "A run below waits for a person" in content
    assert reverse("question", args=[question.id]) in content
    told = Change.objects.filter(topic="run", object_id=str(run.id))
    before = told.count()
    approve(question, people.bob)
    assert told.count() > before, "the page hears of it"
    assert "A run below waits" not in shown(as_victor, run)


def test_of_many_questions_the_first_are_said(as_victor: Client, run: Run, people: People) -> None:
    asking = child_of(run, start_refund(run.workspace, people.olga))
    for number in range(5):
        ask_refund(asking, f"question-{number}")
    content = shown(as_victor, run)
    assert content.count("A run below waits for a person") == 3
    assert "2 questions more in the" in content


def test_relatives_abroad_are_not_named(
    as_victor: Client, run: Run, abroad: Workspace, charlie: Account
) -> None:
    foreign = start_refund(abroad, charlie)
    Run.objects.filter(id=foreign.id).update(parent=run, chain=run.chain)
    assert foreign.workflow_id not in shown(as_victor, run)
    Run.objects.filter(id=foreign.id).update(parent=None)
    Run.objects.filter(id=run.id).update(parent=foreign)
    for tab in ("family", "details"):
        content = as_victor.get(reverse("run", args=[run.id]), {"tab": tab}).content.decode()
        assert foreign.workflow_id not in content


def test_a_circle_of_parents_ends(as_victor: Client, run: Run) -> None:
    other = relative(run, 1, parent=run)
    Run.objects.filter(id=run.id).update(parent=other)
    shown(as_victor, run)
