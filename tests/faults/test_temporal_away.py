"""Temporal is gone at the click: the answer is taken at once, and carried when Temporal is back."""

import time
from collections.abc import Callable

from tests.faults.freezing import frozen
from tests.faults.judge import Case, executions, judge
from tests.faults.reviewer import Json, Reviewer
from tests.support.processes import wait_until
from tests.support.site import Site

AT_ONCE = 4.0
"""Seconds in which a click is answered, whatever is down: before a call to Temporal would be given up."""
LONGER_THAN_A_CALL = 6.0
"""Seconds; the courier gives a call up after 5 and makes it again."""


def test_a_decision_waits_for_temporal_and_says_so(
    site: Site, owner: Reviewer, tell: Callable[[str], None]
) -> None:
    run = owner.refund("Frozen", 30)
    question = owner.question(run)
    with frozen(site, "temporal"):
        began = time.monotonic()
        decision = owner.decide(question)
        answered = time.monotonic() - began
        assert answered < AT_ONCE
        assert decision["delivery"]["state"] == "recorded"

        def complains() -> Json | None:
            seen: Json = owner.get(f"/decisions/{decision['id']}")["delivery"]
            return seen if seen["last_error"] else None

        delivery = wait_until(complains, "the delivery says what is wrong") or {}
        tell(
            f"answered in {answered:.2f} s; after {time.monotonic() - began:.1f} s: {delivery['last_error']}"
        )
        assert (delivery["state"], delivery["waiting_for"]) == ("recorded", "temporal")
        assert owner.get(f"/runs/{run['id']}")["status"] == "running"
    back = time.monotonic()
    delivered = owner.delivered(decision)
    tell(f"acted on {time.monotonic() - back:.1f} s after Temporal was back")
    assert (delivered["delivery"]["waiting_for"], delivered["delivery"]["last_error"]) == (None, None)
    judge(site, [Case(owner.closed(run), question, delivered, 30)], "Frozen")


def test_a_decision_survives_the_death_of_temporal(site: Site, owner: Reviewer) -> None:
    run = owner.refund("Killed", 31)
    question = owner.question(run)
    site.kill("temporal")
    began = time.monotonic()
    decision = owner.decide(question)
    assert time.monotonic() - began < AT_ONCE
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), 31)], "Killed")


def test_a_run_starts_when_temporal_goes_on(site: Site, owner: Reviewer) -> None:
    with frozen(site, "temporal"):
        run = _started_at_once(owner, "Started frozen")
        time.sleep(LONGER_THAN_A_CALL)
        assert owner.get(f"/runs/{run['id']}")["status"] == "starting"
    _goes_its_way_once(site, owner, run, "Started frozen")


def test_a_run_starts_when_temporal_is_there_again(site: Site, owner: Reviewer) -> None:
    site.kill("temporal")
    _goes_its_way_once(site, owner, _started_at_once(owner, "Started killed"), "Started killed")


def _started_at_once(owner: Reviewer, customer: str) -> Json:
    began = time.monotonic()
    run = owner.refund(customer, 32)
    assert time.monotonic() - began < AT_ONCE
    assert (run["status"], run["run_id"]) == ("starting", None)
    return run


def _goes_its_way_once(site: Site, owner: Reviewer, run: Json, customer: str) -> None:
    question = owner.question(run)
    decision = owner.decide(question)
    judge(site, [Case(owner.closed(run), question, owner.delivered(decision), 32)], customer)
    assert len(executions(site, run)) == 1
