"""The click comes in the moment of the deadline: page, database and workflow agree on who was first."""

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.faults.judge import Case, judge, payments, rows, told
from tests.faults.reviewer import Json, Reviewer
from tests.support.site import Site

SEED = 7
AT_ONCE = 8
SPREAD = 0.06
"""Seconds around the deadline."""
SECONDS = 3.0
AMOUNT = 7.5


@pytest.mark.parametrize("races", [20, pytest.param(200, marks=pytest.mark.soak)])
def test_all_agree_on_who_was_first(
    site: Site, owner: Reviewer, tell: Callable[[str], None], races: int
) -> None:
    customer, dice = f"Race of {races}", random.Random(SEED)
    offsets = [dice.uniform(-SPREAD, SPREAD) for _ in range(races)]
    with ThreadPoolExecutor(AT_ONCE) as hands:
        ended = list(hands.map(partial(_race, owner, customer), offsets))
    decided = [Case(run, question, decision, AMOUNT) for run, question, decision in ended if decision]
    expired = [(run, question) for run, question, decision in ended if not decision]
    ways = Counter(len(seen.inputs) for seen in told(site, [case.run for case in decided]))
    tell(
        f"{races} races: {len(decided)} decided ({ways[1]} by signal, {ways[0]} by settle), {len(expired)} expired"
    )
    judge(site, decided, customer)
    for run, question in expired:
        _is_expired(site, owner, run, question)
    assert payments(site, customer).keys() == {case.decision["id"] for case in decided}
    assert races < 200 or (decided and expired)


def _race(owner: Reviewer, customer: str, offset: float) -> tuple[Json, Json, Json | None]:
    """The run, its question, and the decision where the click was first."""
    run = owner.refund(customer, AMOUNT, answer_within_seconds=SECONDS)
    question = owner.question(run)
    deadline = datetime.fromisoformat(question["policy"]["deadline"])
    time.sleep(max((deadline - datetime.now(UTC)).total_seconds() + offset, 0))
    answer = owner.answer(question)
    if answer.status_code == 201:
        return owner.closed(run), question, owner.delivered(answer.json())
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/withdrawn")
    return owner.closed(run), question, None


def _is_expired(site: Site, owner: Reviewer, run: Json, question: Json) -> None:
    seen = owner.get(f"/escalations/{question['id']}")
    assert (seen["state"], seen["decision"]) == ("expired", None)
    assert (run["status"], run["result"]["outcome"], run["result"]["decision_id"]) == (
        "completed",
        "expired",
        None,
    )
    (history,) = told(site, [run])
    assert (history.inputs, history.result) == ([], run["result"])
    stored = rows(site, "SELECT state FROM reviews_escalation WHERE id = %s", question["id"])
    made = rows(site, "SELECT id FROM reviews_decision WHERE escalation_id = %s", question["id"])
    assert (stored, made) == ([("expired",)], [])
