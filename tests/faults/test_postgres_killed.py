"""PostgreSQL dies: what was acknowledged is there, and everything goes on by itself."""

import time
from collections.abc import Callable

from tests.faults.judge import Case, judge
from tests.faults.reviewer import Reviewer
from tests.support.site import Site

BACK = 20.0
"""Seconds in which all work again."""


def test_what_was_acknowledged_is_there_and_all_recover(
    site: Site, owner: Reviewer, tell: Callable[[str], None]
) -> None:
    runs = [owner.refund(f"Database {number}", 40 + number) for number in range(4)]
    questions = [owner.question(run) for run in runs]
    before = {role: child.pid for role, child in site.children().items()}
    decisions = [owner.decide(question) for question in questions[:3]]
    site.kill("postgres")
    killed = time.monotonic()
    site.wait_ready(BACK)
    tell(f"all ready {time.monotonic() - killed:.1f} s after the kill")
    for decision in decisions:
        kept = owner.get(f"/decisions/{decision['id']}")
        unchanged = ("id", "escalation", "verdict", "digest", "decided_at")
        assert [kept[name] for name in unchanged] == [decision[name] for name in unchanged]
    decisions.append(owner.decide(questions[3]))
    tell(f"the next decision was taken {time.monotonic() - killed:.1f} s after the kill")
    assert time.monotonic() - killed < BACK
    after = {role: child.pid for role, child in site.children().items()}
    assert {role for role in before if before[role] != after.get(role)} == {"postgres"}
    closed, ended = [owner.closed(run) for run in runs], [owner.delivered(decision) for decision in decisions]
    cases = [Case(closed[n], questions[n], ended[n], 40 + n) for n in range(4)]
    judge(site, cases, "Database")
