"""The worker dies while the model is silent: it is noticed within 20 s, and the run says what happened."""

import time
import uuid
from collections.abc import Callable

import httpx

from tests.faults.judge import next_attempt
from tests.faults.reviewer import PATIENCE, Json, Reviewer
from tests.support.processes import wait_until
from tests.support.site import Site

NOTICED = 20.0
"""Seconds until Temporal plans the next attempt, which begins as soon as a worker is there again."""


def test_the_loss_is_noticed_within_twenty_seconds(
    site: Site, owner: Reviewer, tell: Callable[[str], None]
) -> None:
    query = f"night trains {uuid.uuid4().hex}"
    control = site.model.removesuffix("/v1") + "/control"
    slow = {"kind": "slow", "seconds": 120, "match": query}
    assert httpx.post(f"{control}/inject", json=slow).is_success
    run = owner.start("research", {"query": query})

    def in_flight() -> bool:
        calls = httpx.get(f"{control}/stats").json()["calls"]
        return any(call["outcome"] == "in_flight" and query in call["prompt"] for call in calls)

    wait_until(in_flight, "the model is asked")
    wait_until(lambda: _attempts(owner, run), "the first attempt is recorded")
    killed = time.monotonic()
    site.kill("worker")
    wait_until(lambda: next_attempt(site, run) > 1, "the loss is noticed", NOTICED)
    noticed = time.monotonic() - killed
    wait_until(lambda: len(_attempts(owner, run)) > 1, "the next attempt begins", PATIENCE)
    tell(
        f"noticed {noticed:.1f} s after the kill; the next attempt began {time.monotonic() - killed:.1f} s after it"
    )
    first, second, *_ = _attempts(owner, run)
    assert (first["outcome"], first["failure"]["type"]) == ("failed", "WorkerLost")
    assert second["worker"] != first["worker"]
    assert owner.closed(run)["status"] == "completed"
    assert [attempt["outcome"] for attempt in _attempts(owner, run)] == ["failed", "completed"]


def _attempts(owner: Reviewer, run: Json) -> list[Json]:
    """Those of the run's plan, the first step."""
    steps = owner.get(f"/runs/{run['id']}/steps")["items"]
    return [attempt for step in steps if step["name"] == "generate_plan" for attempt in step["attempts"]]
