"""docs/agents.md, "Your own agent": what the page says is done, in an empty folder, against a whole site."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from agentsite.home import ROOT
from tests.faults.reviewer import Json, Reviewer
from tests.support.documents import blocks_under, patched
from tests.support.own_agents import Folder
from tests.support.processes import wait_until
from tests.support.site import Site
from workflows.engine.devserver import find_binary

PAGE = ROOT / "docs" / "agents.md"
AGENT = blocks_under(PAGE, "Your own agent") | blocks_under(PAGE, "Start it from Agentsite")
DEADLINE = blocks_under(PAGE, "A deadline")["greeter.py"]
IN_TYPESCRIPT = blocks_under(PAGE, "In TypeScript")
NODE = 20
DEADLINE_IN_TYPESCRIPT = blocks_under(PAGE, "A deadline in TypeScript")["workflows.ts"]
PACKAGES = Path(sys.prefix) / "greeter-ts"
"""Kept beside our own packages, as those are: npm takes 11 s to put its 270 MB there, and less than one to look again."""
OFFLINE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ENETUNREACH", "ENOTCACHED")


@pytest.fixture(scope="module")
def folder(site: Site, tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """With an environment of its own, in which temporalio is, and the page's files."""
    folder = Folder(tmp_path_factory.mktemp("greeter"), AGENT, site.temporal)
    folder.do("install")
    for name in ("greeter.py", "worker.py", "agent.json"):
        folder.write(name)
    return folder


@pytest.fixture(scope="module")
def greeter(folder: Folder) -> Iterator[Folder]:
    """Its worker works."""
    with folder.working():
        yield folder


def found(owner: Reviewer, workflow_id: str) -> Json:
    """The run that somebody else started, once the site has met it."""
    runs = wait_until(lambda: owner.get("/runs", workflow_id=workflow_id)["items"], f"{workflow_id} is met")
    run: Json = runs[0]
    return run


def test_it_is_as_short_as_the_page_says() -> None:
    code = [line.strip() for line in AGENT["greeter.py"].splitlines()]
    assert len([line for line in code if line and not line.startswith(("#", "from ", "import "))]) <= 30


def test_a_person_is_asked_and_the_answer_acted_on(greeter: Folder, owner: Reviewer) -> None:
    greeter.do("start")
    run = found(owner, "greet-ada")
    question = owner.question(run)
    assert (question["title"], question["proposal"]) == ("Greet Ada?", {"text": "Hello, Ada!"})
    decision = owner.decide(question)

    assert owner.delivered(decision)["delivery"]["state"] == "acted_on"
    closed = owner.closed(run)
    assert (closed["status"], closed["result"]) == ("completed", "Hello, Ada!")


def test_it_is_started_from_agentsite_once_it_is_registered(
    greeter: Folder, owner: Reviewer, site: Site
) -> None:
    said = greeter.do("register")
    address = f"{site.web}/runs/new/?workspace=demo&agent=greeter"
    assert address in said.encode().decode("unicode_escape")
    assert address in [agent["url"] for agent in owner.get("/agents")["items"]]

    run = owner.start("greeter", {"name": "Grace"})
    decision = owner.decide(owner.question(run), "reject")
    assert owner.delivered(decision)["delivery"]["state"] == "acted_on"
    assert owner.closed(run)["result"] == "Nobody was greeted."
    greeter.do("register")  # as every start of its worker would


def test_what_is_not_the_decision_is_not_taken_for_it(greeter: Folder, owner: Reviewer, site: Site) -> None:
    greeter.do("start", **{"greet-ada": "greet-eve"})
    run = found(owner, "greet-eve")
    question = owner.question(run)
    other = {
        "escalation_id": question["id"],
        "digest": "0" * 64,
        "verdict": "approve",
        "decision_id": str(uuid.uuid4()),
    }
    for value in ("approve", 5, other):
        signal = ["workflow", "signal", "--workflow-id", "greet-eve", "--name", "provide_human_input"]
        subprocess.run(
            [str(find_binary()), *signal, "--input", json.dumps(value), "--address", site.temporal],
            check=True,
            capture_output=True,
        )
    assert owner.get(f"/escalations/{question['id']}")["state"] == "pending"
    owner.decide(question, "reject")
    assert owner.closed(run)["result"] == "Nobody was greeted."


def test_a_question_of_a_run_that_was_ended_is_withdrawn(greeter: Folder, owner: Reviewer) -> None:
    greeter.do("start", **{"greet-ada": "greet-max"})
    run = found(owner, "greet-max")
    question = owner.question(run)
    assert owner.send("POST", f"/runs/{run['id']}/termination", {"reason": "enough"}).status_code == 202

    wait_until(lambda: owner.get(f"/escalations/{question['id']}")["state"] == "withdrawn", "it is withdrawn")
    assert owner.answer(question).json()["type"].endswith("withdrawn")


def test_a_type_that_the_worker_does_not_know_is_said_on_the_runs_page(
    greeter: Folder, owner: Reviewer, browser: httpx.Client
) -> None:
    greeter.do("start", **{"--type greeter": "--type stranger", "greet-ada": "greet-nobody"})
    run = found(owner, "greet-nobody")
    said = "<code>greeter</code> do not know the workflow type <code>stranger</code>"
    wait_until(lambda: said in browser.get(f"/runs/{run['id']}/now/").text, "the page says so")
    owner.send("POST", f"/runs/{run['id']}/termination", {"reason": "the test is over"})


def test_a_deadline_passes(folder: Folder, owner: Reviewer, site: Site, tmp_path: Path) -> None:
    late = Folder(tmp_path, AGENT, site.temporal)
    (late.path / ".venv").symlink_to(folder.path / ".venv")
    late.write("greeter.py", patched(AGENT["greeter.py"], DEADLINE).replace("hours=1", "seconds=2"))
    late.write("worker.py", AGENT["worker.py"].replace('"greeter"', '"late"'))
    with late.working():
        late.do("start", **{"--task-queue greeter": "--task-queue late", "greet-ada": "greet-late"})
        run = found(owner, "greet-late")
        question = owner.question(run)
        assert question["policy"]["deadline"] is not None
        assert owner.closed(run)["result"] == "Nobody answered in time."
    assert owner.get(f"/escalations/{question['id']}")["state"] == "expired"


# In TypeScript


@pytest.fixture(scope="module")
def in_typescript(site: Site) -> Folder:
    """With its packages and files; skipped where there is no Node, or no way to the packages."""
    if why := _missing():
        pytest.skip(why)
    PACKAGES.mkdir(parents=True, exist_ok=True)
    folder = Folder(PACKAGES, IN_TYPESCRIPT, site.temporal)
    for name in ("package.json", "workflows.ts", "worker.ts"):
        folder.write(name)
    done = folder.run("install", timeout=240)
    if done.returncode != 0 and any(word in done.stderr for word in OFFLINE):
        pytest.skip(f"npm cannot fetch @temporalio/worker: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr
    return folder


def _missing() -> str:
    """What the test needs and this machine has not; empty where all is there."""
    if not (shutil.which("node") and shutil.which("npm")):
        return f"Node {NODE} or later with npm is not installed."
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE:
        return f"Node {NODE} or later is needed; here is {version}."
    return ""


def test_the_same_in_typescript(in_typescript: Folder, owner: Reviewer) -> None:
    with in_typescript.working():
        in_typescript.do("start")
        run = found(owner, "greet-grace")
        decision = owner.decide(owner.question(run))
        assert owner.delivered(decision)["delivery"]["state"] == "acted_on"
        assert owner.closed(run)["result"] == "Hello, Grace!"


@pytest.mark.soak
def test_a_deadline_passes_in_typescript(in_typescript: Folder, owner: Reviewer) -> None:
    late = patched(IN_TYPESCRIPT["workflows.ts"], DEADLINE_IN_TYPESCRIPT)
    in_typescript.write("workflows.ts", late.replace("60 * 60 * 1000", "2000"))
    with in_typescript.working():
        in_typescript.do("start", **{"greet-grace": "greet-late-grace"})
        run = found(owner, "greet-late-grace")
        question = owner.question(run)
        assert owner.closed(run)["result"] == "Nobody answered in time."
    assert owner.get(f"/escalations/{question['id']}")["state"] == "expired"
