"""A process dies at a named place of the decision's path, once; the end is right all the same.

A lost activity is tried again after the 10 s of its start-to-close timeout, so of the worker's places one of
each pair is left to `make soak`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.faults.failpoints import Failpoints
from tests.faults.freezing import frozen
from tests.faults.judge import Case, executions, judge, payments, rows, told
from tests.faults.reviewer import Reviewer
from tests.support.processes import wait_until
from tests.support.site import Site

AMOUNT = 120.5
AT_MOST_TWICE = {1, 2}
"""It is acknowledged while it is paid: who dies there may have called, and not yet said so."""


@contextmanager
def dying_at(site: Site, failpoints: Failpoints, name: str, role: str) -> Iterator[None]:
    """The process of this role dies at the failpoint inside the block, and another one comes."""
    before = site.children()[role].pid
    failpoints.arm(name)
    yield
    failpoints.wait_for(name)
    wait_until(
        lambda: role in site.children() and site.children()[role].pid != before, f"another {role} runs"
    )
    assert f"{role} died (SIGKILL), starting it again" in site.output()


@pytest.mark.parametrize(
    ("name", "role", "payment_calls"),
    [
        ("decide-before-commit", "web", {1}),
        ("decide-after-commit", "web", {1}),
        ("pay-after-call", "worker", {2}),
        ("acknowledge-before-commit", "worker", AT_MOST_TWICE),
        pytest.param("pay-before-call", "worker", {1}, marks=pytest.mark.soak),
        pytest.param("acknowledge-after-commit", "worker", AT_MOST_TWICE, marks=pytest.mark.soak),
    ],
)
def test_an_approved_refund_is_paid_once(
    site: Site, owner: Reviewer, failpoints: Failpoints, name: str, role: str, payment_calls: set[int]
) -> None:
    with dying_at(site, failpoints, name, role):
        run = owner.refund(name, AMOUNT)
        question = owner.question(run)
        decision = owner.decide(question)
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), AMOUNT)], name)
    assert payments(site, name)[decision["id"]]["calls"] in payment_calls
    assert len(executions(site, run)) == 1


def test_a_start_that_is_sent_twice_starts_once(site: Site, owner: Reviewer, failpoints: Failpoints) -> None:
    # A worker would name the run before the new bridge asks again, and so hide what that does.
    with frozen(site, "worker"), dying_at(site, failpoints, "start-before-mark", "bridge"):
        run = owner.refund("Started twice", AMOUNT)
        wait_until(lambda: owner.get(f"/runs/{run['id']}")["run_id"], "the new bridge learns its name", 120)
    question = owner.question(run)
    decision = owner.decide(question)
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), AMOUNT)], "Started twice")
    assert len(executions(site, run)) == 1


def test_a_signal_that_is_sent_twice_arrives_once(
    site: Site, owner: Reviewer, failpoints: Failpoints
) -> None:
    run = owner.refund("Signaled twice", AMOUNT)
    question = owner.question(run)
    # A worker would acknowledge it before the new bridge sends it again.
    with frozen(site, "worker"), dying_at(site, failpoints, "signal-before-mark", "bridge"):
        decision = owner.decide(question)
        path = f"/decisions/{decision['id']}"
        wait_until(
            lambda: owner.get(path)["delivery"]["state"] == "delivered", "the new bridge delivers it", 120
        )
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), AMOUNT)], "Signaled twice")


@pytest.mark.parametrize(
    "name", ["settle-before-commit", pytest.param("settle-after-commit", marks=pytest.mark.soak)]
)
def test_a_question_that_nobody_answers_expires_once(
    site: Site, owner: Reviewer, failpoints: Failpoints, name: str
) -> None:
    with dying_at(site, failpoints, name, "worker"):
        run = owner.refund(name, AMOUNT, answer_within_seconds=1)
        question = owner.question(run)
    run = owner.closed(run)
    assert run["result"]["outcome"] == "expired"
    assert told(site, [run])[0].result == run["result"]
    assert owner.answer(question).json()["type"] == "/problems/withdrawn"
    assert owner.get(f"/escalations/{question['id']}")["state"] == "expired"
    assert payments(site, name) == {}
    closings = rows(
        site,
        "SELECT verb FROM reviews_auditevent WHERE object_id = %s AND verb <> 'escalation.opened'",
        question["id"],
    )
    assert closings == [("escalation.expired",)]
