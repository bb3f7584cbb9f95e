"""One Idempotency-Key is one decision, however often and however fast it is sent."""

import uuid

from tests.faults.crowd import all_decide_alike, hang_up
from tests.faults.judge import Case, judge, rows
from tests.faults.reviewer import Reviewer
from tests.support.site import Site

AT_ONCE = 20
HANGING_UP = 40
"""More than the web has database connections, so that one lost with each would show."""


def test_the_same_key_again_is_the_same_answer(site: Site, owner: Reviewer) -> None:
    run, key = owner.refund("Same key", 5), str(uuid.uuid4())
    question = owner.question(run)
    first, second = owner.answer(question, key=key), owner.answer(question, key=key)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.content == second.content
    closed, decision = owner.closed(run), owner.delivered(first.json())
    assert owner.answer(question, key=key).content == first.content
    judge(site, [Case(closed, question, decision, 5)], "Same key")


def test_the_same_key_with_another_body_is_refused(site: Site, owner: Reviewer) -> None:
    run, key = owner.refund("Other body", 5), str(uuid.uuid4())
    question = owner.question(run)
    decided = owner.answer(question, key=key)
    other = owner.answer(question, "reject", key=key)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    judge(site, [Case(owner.closed(run), question, owner.delivered(decided.json()), 5)], "Other body")


def test_the_same_request_many_times_at_once_is_one_decision(site: Site, owner: Reviewer) -> None:
    run = owner.refund("At once", 5)
    question = owner.question(run)
    sent = all_decide_alike(site.web, owner.token, question, str(uuid.uuid4()), AT_ONCE)
    assert [answer.response.status_code for answer in sent] == [201] * AT_ONCE
    assert len({answer.response.content for answer in sent}) == 1
    decision = owner.delivered(sent[0].response.json())
    judge(site, [Case(owner.closed(run), question, decision, 5)], "At once")


def test_those_who_hang_up_cost_nothing(site: Site, owner: Reviewer) -> None:
    run, keys = owner.refund("Hung up", 5), [str(uuid.uuid4()) for _ in range(HANGING_UP)]
    question = owner.question(run)
    hang_up(site.web, owner.token, question, keys, within=0.5)
    answers = [owner.answer(question, key=key) for key in keys]  # each comes back for what it missed
    decided = [answer.json() for answer in answers if answer.status_code == 201]
    assert len(decided) == 1
    assert {answer.status_code for answer in answers} == {201, 409}
    judge(site, [Case(owner.closed(run), question, owner.delivered(decided[0]), 5)], "Hung up")
    busy = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%%'"
    assert rows(site, busy) == [(0,)]
