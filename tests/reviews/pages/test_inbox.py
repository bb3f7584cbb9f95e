"""What waits for a person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from reviews.escalations import actions
from reviews.escalations.models import Escalation
from reviews.pages import desk, lists
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import approve, ask_refund, start_refund

MOST_QUERIES = 10


def titles(client: Client, address: str = "/") -> list[str]:
    context = client.get(address).context
    return [item.title for item in context["desk"].items]


def test_the_first_question_is_open_beside_the_list(as_bob: Client, question: Escalation) -> None:
    answer = as_bob.get("/")
    assert answer.context["case"].escalation == question
    assert b"Refund 120.50 to Dora?" in answer.content
    assert b"What would be done" in answer.content


def test_newest_first(as_bob: Client, run: Run) -> None:
    for number in range(3):
        ask_refund(run, f"refund-{number}", title=f"Question {number}")
    assert titles(as_bob) == ["Question 2", "Question 1", "Question 0"]


def test_mine_are_those_i_look_at_and_those_of_runs_i_started(
    as_bob: Client, as_olga: Client, run: Run, bob: Account
) -> None:
    claimed, _ = ask_refund(run, "a", title="Claimed"), ask_refund(run, "b", title="Other")
    actions.claim(claimed, by=bob)
    assert titles(as_bob, "/?tab=mine") == ["Claimed"]
    assert titles(as_olga, "/?tab=mine") == ["Other", "Claimed"]


def test_decided_shows_who_decided_what(as_victor: Client, question: Escalation, bob: Account) -> None:
    approve(question, bob)
    assert titles(as_victor) == []
    answer = as_victor.get("/?tab=decided")
    assert b"approved" in answer.content
    assert b"Bob" in answer.content


def test_pages_follow_each_other_without_gap_or_repeat(
    as_bob: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "SIZE", 3)
    for number in range(8):
        ask_refund(run, f"refund-{number}", title=f"Question {number}")
    # The same moment for several: the id decides.
    Escalation.objects.update(opened_at=Escalation.objects.earliest("opened_at").opened_at)
    seen, address = [], "/"
    while address:
        answer = as_bob.get(address).context["desk"]
        seen += [item.title for item in answer.items]
        address = answer.older
    assert sorted(seen) == [f"Question {number}" for number in range(8)]


def test_an_empty_inbox_says_what_to_do_next(as_olga: Client, as_victor: Client) -> None:
    assert b"Start a refund run" in as_olga.get("/").content
    nothing_to_start = as_victor.get("/").content
    assert b"Start a refund run" not in nothing_to_start
    assert b"See what the agents are doing" in nothing_to_start


@pytest.mark.parametrize(
    "address", ["/?tab=mine", "/?tab=decided", "/?before=1.00000000000000000000000000000000"]
)
def test_every_empty_tab_leads_somewhere(as_bob: Client, address: str) -> None:
    assert b'class="btn' in as_bob.get(address).content


@pytest.mark.parametrize("before", ["nonsense", "1.2", "99999999999999999999999.ff", "\x00", "1.\x00"])
def test_a_broken_cursor_starts_from_the_top(as_bob: Client, question: Escalation, before: str) -> None:
    answer = as_bob.get("/", {"before": before})
    assert [item.title for item in answer.context["desk"].items] == [question.title]


def test_outsiders_see_their_own_inbox_only(as_charlie: Client, question: Escalation) -> None:
    assert titles(as_charlie) == []


def test_a_person_without_a_workspace_is_told_to_ask(
    signed_in: Callable[[Account], Client], db: None
) -> None:
    answer = signed_in(Account.objects.create_user("nora")).get("/")
    assert answer.status_code == 403
    assert b"not a member of any workspace" in answer.content


def test_counts_are_capped(as_bob: Client, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "MOST_COUNTED", 2)
    for number in range(4):
        ask_refund(run, f"refund-{number}")
    assert b"Waiting 2+" in as_bob.get("/").content


@pytest.mark.parametrize("tab", ["waiting", "mine", "decided"])
def test_the_number_of_queries_does_not_grow_with_the_list(
    as_bob: Client, home: Workspace, olga: Account, bob: Account, tab: str,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    for number in range(12):
        question = ask_refund(start_refund(home, olga), f"refund-{number}")
        actions.claim(question, by=bob)
        if number % 2:
            approve(question, bob)
    with django_assert_max_num_queries(MOST_QUERIES):
        as_bob.get(f"/?tab={tab}")


def test_a_passed_deadline_is_said(as_bob: Client, question: Escalation) -> None:
    Escalation.objects.update(deadline=F("opened_at") - timedelta(minutes=1))
    assert b"deadline passed, answers are still taken" in as_bob.get("/").content
