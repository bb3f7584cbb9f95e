"""Two workers share the agents' queue (mission, row 5); one is killed, and nothing is lost or done twice."""

from __future__ import annotations

import re
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator

import httpx
import pytest

from agentsite.home import ROOT
from tests.faults.reviewer import PATIENCE, Json, Reviewer
from tests.support.processes import running, wait_until
from tests.support.site import Site

RUNS = 6
TASKS = 12


@pytest.fixture
def second_worker(site: Site) -> Iterator[int]:
    """Its process id. It runs beside the site's own, as on another machine."""
    command = [sys.executable, str(ROOT / "manage.py"), "worker"]
    environment = site.env | {
        "DATABASE_URL": site.database,
        "TEMPORAL_ADDRESS": site.temporal,
        "OPENAI_BASE_URL": site.model,
        "AGENTSITE_DEMO_MODEL": "1",
        "PAYMENTS_URL": site.payments,
    }
    log = site.home / "second-worker.log"
    with running(
        command, environment=environment, log=log, is_ready=lambda _: "Working on" in log.read_text()
    ) as process:
        yield process.pid


def test_two_workers_share_the_load_and_one_may_die(
    site: Site, owner: Reviewer, second_worker: int, tell: Callable[[str], None]
) -> None:
    control = site.model.removesuffix("/v1") + "/control"
    assert httpx.post(f"{control}/latency", json={"ms": 100}).is_success
    topic = f"lighthouses {uuid.uuid4().hex[:8]}"
    runs = [owner.start("research", {"query": f"{topic} {i} in {TASKS} tasks"}) for i in range(RUNS)]

    wait_until(lambda: len(workers_of(owner, runs)) == 2, "both have work", PATIENCE)
    own = site.kill("worker")
    closed = [owner.closed(run) for run in runs]
    assert httpx.post(f"{control}/latency", json={"ms": None}).is_success

    assert {run["status"] for run in closed} == {"completed"}
    steps = {run["id"]: owner.get(f"/runs/{run['id']}/steps")["items"] for run in runs}
    for run in runs:
        names = Counter(step["name"] for step in steps[run["id"]])
        assert names["execute_research_task"] == TASKS
        assert names["store_report"] == 1
        assert len(owner.get("/files", workspace="demo", run=run["id"])["items"]) >= 1
    calls = [call for call in httpx.get(f"{control}/stats").json()["calls"] if topic in call["prompt"]]
    answered = Counter(call["prompt_hash"] for call in calls if call["outcome"] == "completed")
    assert len(answered) == RUNS * (TASKS + 2)
    lost = [
        attempt
        for run in runs
        for step in steps[run["id"]]
        for attempt in step["attempts"]
        if attempt["failure"]
    ]
    assert {(one["failure"]["type"], one["worker"]) for one in lost} <= {("WorkerLost", f"agentsite-{own}")}
    repeated = sum(answered.values()) - len(answered)
    assert repeated <= len(lost), "only what was in flight may have been asked for twice"
    did = workers_of(owner, runs)
    assert did[f"agentsite-{second_worker}"] > RUNS * TASKS / 4, "it carried on for both"
    tell(f"{dict(did)}; {len(lost)} attempts lost, {repeated} of {len(answered)} calls made twice")

    page = site.manage("shell", "-c", WORKERS_ON_PAGE.format(run=runs[0]["id"]))
    names = set(re.findall("agentsite-[0-9]+", page))
    assert names == set(workers_of(owner, runs[:1])), "who ran which step is on the page"


WORKERS_ON_PAGE = """
from django.test import Client; from reviews.people.models import Account
client = Client(); client.force_login(Account.objects.get(name="owner"), "django.contrib.auth.backends.ModelBackend")
import re; print(set(re.findall("agentsite-[0-9]+", client.get("/runs/{run}/", headers={{"host": "127.0.0.1"}}).content.decode())))
"""


def workers_of(owner: Reviewer, runs: list[Json]) -> Counter[str]:
    """Attempts by the worker that made them."""
    return Counter(
        attempt["worker"]
        for run in runs
        for step in owner.get(f"/runs/{run['id']}/steps")["items"]
        for attempt in step["attempts"]
    )
