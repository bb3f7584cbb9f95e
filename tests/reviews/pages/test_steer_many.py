"""Cancelling and terminating many runs at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.pages import bulk
from reviews.people.models import Account
from reviews.runs import actions
from reviews.runs.models import Run
from reviews.workspaces.actions import create_workspace, grant
from reviews.workspaces.models import Role, Workspace
from tests.support.people import People, start_refund

ATTEMPT = "an-attempt-of-this-test"


@pytest.fixture
def five(home: Workspace, olga: Account) -> list[Run]:
    return [start_refund(home, olga) for _ in range(5)]


def send(client: Client, what: str = "cancellations", **values: Any) -> str:
    answer = client.post(f"/runs/{what}/", {"attempt": ATTEMPT, **values}, follow=True)
    assert answer.status_code == 200, answer.content.decode()
    return answer.content.decode()


def ids(*runs: Run) -> list[str]:
    return [str(run.id) for run in runs]


def asked(kind: str = "cancel") -> set[str]:
    return {str(subject) for subject in Message.objects.filter(kind=kind).values_list("subject", flat=True)}


def test_the_chosen_ones_are_asked_to_cancel_and_those_that_ended_are_counted(
    as_olga: Client, five: list[Run]
) -> None:
    Run.objects.filter(id=five[2].id).update(status="completed")
    page = send(as_olga, run=ids(*five[:3]))
    assert "2 asked to cancel, 1 had ended already." in page
    assert asked() == set(ids(*five[:2]))
    assert AuditEvent.objects.filter(verb="run.cancel").count() == 2


def test_a_termination_wants_a_reason(as_olga: Client, five: list[Run]) -> None:
    assert "Say why" in send(as_olga, "terminations", run=ids(*five), reason=" ")
    assert not asked("terminate")
    assert "5 being terminated." in send(as_olga, "terminations", run=ids(*five), reason="started twice")
    assert {message.body["reason"] for message in Message.objects.filter(kind="terminate")} == {
        "started twice"
    }


def test_sent_again_nothing_is_done_again(as_olga: Client, five: list[Run]) -> None:
    for _ in range(2):
        assert "5 being terminated." in send(as_olga, "terminations", run=ids(*five), reason="twice")
    assert Message.objects.filter(kind="terminate").count() == 5
    assert "sent before with other values" in send(as_olga, "terminations", run=ids(five[0]), reason="twice")
    assert Message.objects.filter(kind="terminate").count() == 5


def test_after_a_crash_in_the_middle_a_repeat_does_the_rest(
    as_olga: Client, five: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction a run: what was done stays done, and is not done twice."""
    terminate, done = actions.terminate_run, []

    def crash_at_the_third(run: Run, reason: str, *, by: Account) -> None:
        if len(done) == 2:
            raise MemoryError
        done.append(run)
        terminate(run, reason, by=by)

    monkeypatch.setattr(actions, "terminate_run", crash_at_the_third)
    with pytest.raises(MemoryError):
        send(as_olga, "terminations", run=ids(*five), reason="crash")
    assert Message.objects.filter(kind="terminate").count() == 2
    monkeypatch.setattr(actions, "terminate_run", terminate)
    assert "5 being terminated." in send(as_olga, "terminations", run=ids(*five), reason="crash")
    assert Message.objects.filter(kind="terminate").count() == 5


def test_all_that_fit_the_filter_and_are_open(
    as_olga: Client, five: list[Run], abroad: Workspace, charlie: Account
) -> None:
    foreign = start_refund(abroad, charlie)
    Run.objects.filter(id=five[0].id).update(agent="other")
    Run.objects.filter(id=five[1].id).update(status="failed")
    page = send(as_olga, scope="all", query="agent=refund", run=ids(five[0]))
    assert "3 asked to cancel." in page
    assert asked() == set(ids(*five[2:]))
    assert str(foreign.id) not in asked()


def test_a_repeat_meets_the_same_runs_though_others_fit_by_now(
    as_olga: Client, five: list[Run], home: Workspace, olga: Account
) -> None:
    send(as_olga, scope="all", query="agent=refund")
    start_refund(home, olga)
    send(as_olga, scope="all", query="agent=refund")
    assert asked() == set(ids(*five))


def test_at_most_so_many_in_one_go_the_newest_first(
    as_olga: Client, five: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "AT_MOST", 2)
    send(as_olga, scope="all", query="status=open")
    assert asked() == set(ids(*five[3:]))


@pytest.mark.parametrize(
    "values", [{}, {"run": "nonsense"}, {"scope": "all"}, {"scope": "all", "query": "flat=1"}]
)
def test_without_a_choice_nothing_happens(as_olga: Client, five: list[Run], values: dict[str, str]) -> None:
    assert "Choose a run by its box first." in send(as_olga, **values)
    assert not asked()


def test_the_right_is_looked_at_for_each_run(
    signed_in: Callable[[Account], Client],
    people: People,
    five: list[Run],
    victor: Account,
    abroad: Workspace,
    charlie: Account,
) -> None:
    """Victor only looks at home, and operates elsewhere."""
    second = create_workspace("second", "Second", "second-namespace", owner=people.alice)
    grant(second, victor, Role.OPERATOR, by=people.alice)
    own, foreign = start_refund(second, victor), start_refund(abroad, charlie)
    page = send(signed_in(victor), run=ids(five[0], own, foreign))
    assert "1 asked to cancel, 1 not yours to steer, 1 no longer there." in page
    assert asked() == {str(own.id)}
    send(signed_in(victor), scope="all", query="status=open", attempt="another-attempt-of-it")
    assert asked() == {str(own.id)}


def test_it_leads_back_to_the_list_as_it_was(as_olga: Client, five: list[Run]) -> None:
    back = f"status=open&unfold={five[0].id}"
    answer = as_olga.post("/runs/cancellations/", {"attempt": ATTEMPT, "run": ids(five[0]), "back": back})
    assert answer["Location"] == f"/runs/?{back}"
    odd = as_olga.post("/runs/cancellations/", {"run": ids(five[1]), "back": "\r\nX: y&status=failed"})
    assert odd["Location"] == "/runs/?status=failed"


def test_boxes_and_bar_are_for_those_who_may(as_olga: Client, as_victor: Client, five: list[Run]) -> None:
    Run.objects.filter(id=five[0].id).update(status="completed")
    assert as_olga.get("/runs/").content.decode().count("data-choice ") == 4
    shown = as_victor.get("/runs/").content.decode()
    assert "data-choice" not in shown
    assert "data-choose-bar" not in shown
