"""Drills on a whole site: what they find is what the endpoints' own counters say, and their verdicts can be bad."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from agentsite.home import ROOT
from tests.faults.judge import payments, rows
from tests.faults.reviewer import Json, Reviewer
from tests.support.processes import wait_until
from tests.support.site import Site
from tests.support.visitor import Visitor

CRASH_LASTS = 150.0
"""Seconds at most; ten of them are Temporal's wait for the lost worker's heartbeat."""


@pytest.fixture(autouse=True)
def instant_model(site: Site) -> Iterator[None]:
    """Tasks take as long as the rest of the site takes."""
    control = f"{site.model.removesuffix('/v1')}/control/latency"
    httpx.post(control, json={"ms": 0}).raise_for_status()
    yield
    httpx.post(control, json={"ms": None}).raise_for_status()


def test_a_worker_that_crashes_at_task_47_started_and_watched_on_the_page(
    site: Site, owner: Reviewer, tell: Callable[[str], None]
) -> None:
    with Visitor(site) as visitor:
        before = site.children()["worker"].pid
        page = visitor.send("/drills/", 'value="worker"').url
        assert re.fullmatch(r"/drills/[0-9a-f-]{36}/", page.path)
        wait_until(lambda: "The drill passed." in visitor.get(page.path).text, "it passes", CRASH_LASTS)
        words = visitor.get(page.path).text
        assert f"kill -9 {before}: the worker dies while the model answers task 47." in words
        assert "50 of 50 tasks are answered." in words
        assert "All 50 tasks are answered." in visitor.get("/drills/").text

    id = page.path.split("/")[2]
    figures = figures_of(site, id)
    tell(f"the run went on {figures['resumed_seconds']} s after the kill: {figures}")
    assert (figures["answered"], figures["answered_twice"]) == (50, 0)
    assert figures["repeated"] <= 1
    _the_model_says_the_same(site, id, figures)
    _the_run_says_the_same(site, owner, id, figures)


def _the_model_says_the_same(site: Site, id: str, figures: Json) -> None:
    stats = httpx.get(f"{site.model.removesuffix('/v1')}/control/stats").json()
    token = id.replace("-", "")[:12]
    calls = [call for call in stats["calls"] if token in call["prompt"]]
    asked = Counter(call["prompt_hash"] for call in calls if call["prompt"].startswith("Research this task."))
    assert len(asked) == 50, "different tasks"
    assert sorted(asked.values()) == [1] * 49 + [1 + figures["repeated"]]
    assert {stats["completed_by_prompt"][prompt] for prompt in asked} == {1}
    assert list(asked).index(asked.most_common(1)[0][0]) in (46, 0), "task 47, or none was asked again"
    assert figures["asked"] == asked.total()


def _the_run_says_the_same(site: Site, owner: Reviewer, id: str, figures: Json) -> None:
    [(run_id,)] = rows(site, "SELECT run_id::text FROM reviews_drill WHERE id = %s", id)
    assert owner.get(f"/runs/{run_id}")["status"] == "completed"
    # A worker that is killed takes along what it had noted of its last attempts; Temporal's history has their number.
    steps = rows(site, "SELECT name, attempts FROM reviews_step WHERE run_id = %s ORDER BY event_id", run_id)
    tasks = [attempts for name, attempts in steps if name == "execute_research_task"]
    assert tasks == [1] * 46 + [1 + figures["steps_retried"]] + [1] * 3
    assert [name for name, _ in steps[-2:]] == ["synthesize_report", "store_report"]
    assert figures["report"] in {file["path"] for file in owner.get("/files", workspace="demo")["items"]}


@pytest.mark.parametrize("kind", ["bridge", "web"])
def test_a_decision_while_a_process_is_killed(site: Site, kind: str) -> None:
    before = site.children()[kind].pid
    done = drill(site, kind)
    assert done.returncode == 0, done.stdout
    assert f"kill -9 {before}: the {kind} dies" in done.stdout
    assert "Passed: One decision, and one payment under its id." in done.stdout
    assert site.children()[kind].pid != before
    _paid_once(site, newest(site))


def test_a_decision_while_temporal_is_away(site: Site) -> None:
    _temporal_is_away(site, "3")


@pytest.mark.soak
def test_a_decision_while_temporal_is_away_for_30_seconds(site: Site) -> None:
    _temporal_is_away(site, "30")


def _temporal_is_away(site: Site, seconds: str) -> None:
    pid = site.children()["temporal"].pid
    done = drill(site, "temporal", "--seconds", seconds)
    assert done.returncode == 0, done.stdout
    said = done.stdout
    assert f"kill -STOP {pid}: Temporal answers nobody for {seconds} s." in said
    order = ["kill -STOP", "approves, and is answered", "kill -CONT", "is acted on", "Passed:"]
    assert [said.index(words) for words in order] == sorted(said.index(words) for words in order)
    assert site.children()["temporal"].pid == pid, "frozen, not killed"
    assert newest(site)["figures"]["away_seconds"] == float(seconds)
    _paid_once(site, newest(site))


@pytest.mark.soak
def test_a_drill_says_what_was_broken(site: Site) -> None:
    """Somebody who pays behind the drill's back: its own judgement has to see it."""
    with subprocess.Popen(
        command("bridge"), cwd=ROOT, env=site.env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if "It asks:" in line:
                break
        order = {"customer": customer_of(newest(site)), "amount": 1, "reason": "behind its back"}
        httpx.post(site.payments, json=order, headers={"Idempotency-Key": "forged"}).raise_for_status()
        rest = running.stdout.read()
    assert running.returncode == 1
    assert "Failed: There are 2 payments." in rest
    assert newest(site)["state"] == "failed"


@pytest.mark.soak
def test_one_at_a_time_and_interrupted_at_the_console(site: Site) -> None:
    with subprocess.Popen(
        command("temporal"), cwd=ROOT, env=site.env, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout
        for line in running.stdout:
            if "kill -STOP" in line:
                break
        refused = drill(site, "web")
        assert refused.returncode == 1
        assert "Another drill runs." in refused.stderr
        running.terminate()
        rest = running.stdout.read()
    assert "Interrupted: Interrupted at the console." in rest
    began = time.monotonic()
    site.wait_ready()
    assert time.monotonic() - began < 20, "Temporal goes on"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", "drill", *arguments]


def drill(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), cwd=ROOT, env=site.env, capture_output=True, text=True, timeout=240, check=False
    )


def newest(site: Site) -> Json:
    query = "SELECT id::text, state, figures FROM reviews_drill ORDER BY started_at DESC LIMIT 1"
    [found] = rows(site, query)
    return dict(zip(("id", "state", "figures"), found, strict=True))


def figures_of(site: Site, id: str) -> Json:
    [(figures,)] = rows(site, "SELECT figures FROM reviews_drill WHERE id = %s", id)
    found: dict[str, Any] = figures
    return found


def customer_of(drill: Json) -> str:
    return f"Drill {drill['id'].replace('-', '')[:12]}"


def _paid_once(site: Site, drill: Json) -> None:
    """By the ledger, and by the decision's own row."""
    paid = payments(site, customer_of(drill))
    decided = rows(
        site,
        "SELECT decision.id::text FROM reviews_decision decision"
        " JOIN reviews_escalation escalation ON escalation.id = decision.escalation_id"
        " JOIN reviews_drill drill ON drill.run_id = escalation.run_id WHERE drill.id = %s",
        drill["id"],
    )
    assert [(key,) for key in paid] == decided
    assert [payment["amount"] for payment in paid.values()] == [47.0]
    assert (drill["state"], drill["figures"]["decisions"], drill["figures"]["payments"]) == ("passed", 1, 1)
