"""A conversation whose worker is killed in the middle of an answer: it goes on from its last snapshot."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from temporalio.client import Client

from tests.faults.judge import rows
from tests.faults.reviewer import PATIENCE, Json, Reviewer
from tests.support.processes import wait_until
from tests.support.site import Site

TURNS = 30
EVERY = 10
KILLED_AT = 25
"""Behind two snapshots."""
LONGEST = 16 * (EVERY + 1) + 30
"""Events of one execution: 16 for each answer, and what a snapshot and a beginning take."""


@pytest.fixture
def instant(site: Site) -> Iterator[str]:
    """A model that answers at once; where it is controlled."""
    control = site.model.removesuffix("/v1") + "/control"
    httpx.post(f"{control}/latency", json={"ms": 0})
    yield control
    httpx.post(f"{control}/latency", json={"ms": None})


def test_thirty_turns_over_a_killed_worker(
    site: Site, owner: Reviewer, instant: str, tell: Callable[[str], None]
) -> None:
    mark = uuid.uuid4().hex[:8]
    before = _asked(instant)
    run = owner.start("chat", {"message": f"Hello {mark}, my name is Ada.", "snapshot_every": EVERY})
    said = [_say(owner, run, f"{mark} parcel no {number}") for number in range(1, KILLED_AT)]
    wait_until(lambda: len(_answers(owner, run)) == KILLED_AT, "so many are answered", PATIENCE)

    slow = {"kind": "slow", "seconds": 60, "match": f"{mark} the one"}
    assert httpx.post(f"{instant}/inject", json=slow).is_success
    said.append(_say(owner, run, f"{mark} the one"))
    wait_until(lambda: _in_flight(instant, f"{mark} the one"), "the model is asked")
    open_events = _history_length(site, run)
    site.kill("worker")
    killed = time.monotonic()
    said += [_say(owner, run, f"{mark} parcel no {number}") for number in range(KILLED_AT, TURNS - 2)]
    wait_until(lambda: len(_answers(owner, run)) > KILLED_AT, "it goes on", PATIENCE)
    resumed = time.monotonic() - killed
    said.append(_say(owner, run, "What is my name?"))
    wait_until(lambda: len(_answers(owner, run)) == TURNS, "all are answered", PATIENCE)

    turns = owner.get(f"/runs/{run['id']}/turns", limit=500)["items"]
    people = [turn["id"] for turn in turns if turn["role"] == "person"]
    assert people[1:] == said, "nothing that was said is lost, doubled or out of its place"
    assert [turn["answers"] for turn in turns if turn["role"] == "agent"] == people
    assert _answers(owner, run)[-1]["text"] == "You said that your name is Ada."
    assert [turn["number"] for turn in turns] == list(range(1, 2 * TURNS + 1))

    wait_until(lambda: len(_executions(owner, run)) == 1 + TURNS // EVERY, "it continues as new", PATIENCE)
    executions = _executions(owner, run)
    snapshots = _snapshots(site, run)
    assert snapshots == TURNS // EVERY
    asked = _asked(instant) - before
    assert TURNS + snapshots <= asked <= TURNS + snapshots + 1, "at most one question more"
    assert 0 < open_events < LONGEST, "the new worker replays what came since the snapshot alone"
    tell(
        f"a worker killed at message {KILLED_AT + 1} of {TURNS}: answered {resumed:.1f} s later, "
        f"{open_events} events to replay, the model was asked {asked} times, {snapshots} of them for a summary"
    )
    assert owner.send("POST", f"/runs/{run['id']}/turns", {"text": "Bye"}).status_code == 202
    newest = next(one for one in executions if one["status"] == "running")
    assert owner.send("POST", f"/runs/{newest['id']}/signals", {"name": "chat_end"}).status_code == 202
    assert owner.closed(newest)["result"]["messages"] == TURNS + 1


def _say(owner: Reviewer, run: Json, text: str) -> str:
    answer = owner.send("POST", f"/runs/{run['id']}/turns", {"text": text}, key=str(uuid.uuid4()))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def _answers(owner: Reviewer, run: Json) -> list[Json]:
    turns = owner.get(f"/runs/{run['id']}/turns", limit=500)["items"]
    return [turn for turn in turns if turn["role"] == "agent"]


def _executions(owner: Reviewer, run: Json) -> list[Json]:
    found: list[Json] = owner.get("/runs", workflow_id=run["workflow_id"])["items"]
    return found


def _snapshots(site: Site, run: Json) -> int:
    query = "SELECT count(*) FROM reviews_version JOIN reviews_artifact artifact ON artifact.id = artifact_id WHERE path = %s"
    [(count,)] = rows(site, query, f"chat/{run['workflow_id']}/snapshot.json")
    return int(count)


def _asked(control: str) -> int:
    """How often the model was asked, also in vain."""
    return int(httpx.get(f"{control}/stats").json()["received"])


def _in_flight(control: str, words: str) -> bool:
    calls = httpx.get(f"{control}/stats").json()["calls"]
    return any(call["outcome"] == "in_flight" and words in call["prompt"] for call in calls)


def _history_length(site: Site, run: Json) -> int:
    async def describe() -> int:
        client = await Client.connect(site.temporal)
        described = await client.get_workflow_handle(run["workflow_id"]).describe()
        return described.raw_description.workflow_execution_info.history_length

    return asyncio.run(describe())
