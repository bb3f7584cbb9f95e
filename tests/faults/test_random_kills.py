"""Whatever is killed and whenever: each acknowledged decision takes effect exactly once (I1)."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.judge import Case, judge
from tests.faults.killer import Killer, plan
from tests.faults.reviewer import Reviewer
from tests.support.site import Site

FIXED = 20261123
AT_ONCE = 6
ANSWERS = ("approve", "approve", "edit", "reject")


def a_night_of(seed: int) -> int:
    """A seed of now, unless `SOAK_SEED` asks for a night that was."""
    return int(os.environ.get("SOAK_SEED") or seed)


@pytest.mark.parametrize(
    ("decisions", "seed"),
    [
        pytest.param(20, FIXED, id="20"),
        pytest.param(200, a_night_of(int(time.time())), id="200", marks=pytest.mark.soak),
    ],
)
def test_each_decision_takes_effect_once_whatever_is_killed(
    site: Site, owner: Reviewer, tell: Callable[[str], None], decisions: int, seed: int
) -> None:
    customer, broken = f"Night {seed}", owner.broken
    dice = random.Random(seed)
    killer = Killer(site, plan(seed, decisions))
    orders = [(number, dice.choice(ANSWERS), float(dice.randint(1, 900))) for number in range(decisions)]

    def decide(order: tuple[int, str, float]) -> Case:
        number, verdict, amount = order
        run = owner.refund(f"{customer} {number}", amount)
        question = owner.question(run)
        killer.decision_is_sent(number)
        return _decide(owner, run, question, verdict, amount)

    began = time.monotonic()
    try:
        with ThreadPoolExecutor(AT_ONCE) as hands:
            cases = list(hands.map(decide, orders))
    finally:
        killer.rest()
        tell(f"seed {seed}, killed: {'; '.join(killer.log)}")
    with ThreadPoolExecutor(AT_ONCE) as hands:
        cases = list(hands.map(lambda case: _at_the_end(owner, case), cases))
    tell(
        f"{decisions} decisions {dict(Counter(case.decision['verdict'] for case in cases))}, {len(killer.log)} kills, "
        f"{owner.broken - broken} broken connections, {time.monotonic() - began:.0f} s"
    )
    struck, planned = len(killer.log), len(killer.plan)
    assert struck == planned > decisions / 5
    judge(site, cases, customer)


def _decide(owner: Reviewer, run: Any, question: Any, verdict: str, amount: float) -> Case:
    if verdict == "edit":
        edited = amount + 0.5
        return Case(
            run, question, owner.decide(question, verdict, question["proposal"] | {"amount": edited}), edited
        )
    return Case(run, question, owner.decide(question, verdict), amount if verdict == "approve" else None)


def _at_the_end(owner: Reviewer, case: Case) -> Case:
    return Case(owner.closed(case.run), case.question, owner.delivered(case.decision), case.due)
