"""Fifty reviewers answer one question at the same moment: one of them decides (I2)."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.crowd import Sent, all_decide, make_reviewers
from tests.faults.judge import Case, judge, rows
from tests.faults.reviewer import Json, Reviewer
from tests.support.site import Site

REVIEWERS = 50
AMOUNT = 12.5
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
MOST_CONNECTIONS = 60
"""Of web, bridge and worker together, of the 100 that PostgreSQL has."""


@pytest.mark.parametrize("questions", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_one_wins_and_the_others_are_told_who(
    site: Site, owner: Reviewer, tell: Callable[[str], None], questions: int
) -> None:
    tokens, customer = make_reviewers(site, REVIEWERS), f"Crowd of {questions}"
    with ThreadPoolExecutor(4) as hands:
        runs = list(hands.map(lambda number: owner.refund(f"{customer} {number}", AMOUNT), range(questions)))
        asked = list(hands.map(owner.question, runs))
    sent, connections = [], 0
    for question in asked:
        sent.append(all_decide(site.web, tokens, question))
        connections = max(connections, rows(site, CONNECTIONS)[0][0])
    waits = sorted(answer.seconds for answers in sent for answer in answers)
    tell(
        f"{questions} questions × {REVIEWERS} reviewers: {Counter(s.response.status_code for x in sent for s in x)}; "
        f"answered within {waits[len(waits) // 2]:.2f} s (p50), {waits[-1]:.2f} s (last); {connections} connections"
    )
    decisions = [_the_winner(answers) for answers in sent]
    assert connections <= MOST_CONNECTIONS
    with ThreadPoolExecutor(4) as hands:
        decisions = list(hands.map(owner.delivered, decisions))
        closed = list(hands.map(owner.closed, runs))
    cases = [Case(*one, AMOUNT) for one in zip(closed, asked, decisions, strict=True)]
    judge(site, cases, customer)


def _the_winner(answers: list[Sent]) -> Json:
    """The one decision; everybody else was told whose it is."""
    won = [answer for answer in answers if answer.response.status_code == 201]
    lost = [answer for answer in answers if answer.response.status_code == 409]
    assert (len(won), len(lost)) == (1, len(answers) - 1), Counter(a.response.text for a in answers)
    decision: Json = won[0].response.json()
    assert decision["by"]["name"] == won[0].name.title()
    for answer in lost:
        problem = answer.response.json()
        assert problem["type"] == "/problems/already-decided"
        assert decision["by"]["name"] in problem["detail"]
        assert problem["decision"]["id"] == decision["id"]
    return decision
