"""What a drill may strike: the processes of the site that runs in this home, and nobody else's. Small scripts here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from agentsite.drills.site import CannotDrill, RunningSite
from agentsite.home import ROOT, Home
from tests.support.processes import wait_until

Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A process that sleeps under this command line."""
    started: list[subprocess.Popen[bytes]] = []

    def run(command: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(["/bin/sh", "-c", "while :; do sleep 1; done", command])
        started.append(process)
        wait_until(lambda: command in psutil.Process(process.pid).cmdline(), "it has its command line")
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def home(tmp_path: Path, start: Start) -> Home:
    """Of an `up` with a worker."""
    home = Home(tmp_path)
    home.write_endpoints({"web": "http://127.0.0.1:1"})
    home.write_processes({"up": start("manage.py up").pid, "worker": start("manage.py worker").pid})
    return home


def test_a_killed_process_is_gone_and_not_known_any_more(home: Home) -> None:
    site = RunningSite(home)
    pid = site.kill("worker")
    assert pid == home.processes()["worker"]
    wait_until(lambda: site.pid("worker") is None, "it has ended")


def test_a_process_id_that_is_somebody_elses_by_now_is_let_alone(home: Home, start: Start) -> None:
    stranger = start("somebody else")
    home.write_processes(home.processes() | {"worker": stranger.pid})
    with pytest.raises(CannotDrill, match="no process worker"):
        RunningSite(home).kill("worker")
    assert stranger.poll() is None


def test_a_worker_is_known_by_what_it_calls_itself(home: Home, start: Start) -> None:
    second = start("manage.py worker")
    home.write_processes(home.processes() | {"worker-2": second.pid})
    site = RunningSite(home)
    assert site.worker_named(f"agentsite-{second.pid}") == "worker-2"
    assert site.pid("worker-2") == second.pid
    with pytest.raises(CannotDrill, match="would not start it again"):
        site.worker_named(f"agentsite-{second.pid}0")


def test_without_a_running_up_nothing_is_struck(home: Home, tmp_path: Path) -> None:
    with pytest.raises(CannotDrill, match="make up"):
        RunningSite(Home(tmp_path / "empty"))
    site = RunningSite(home)
    os.kill(home.processes()["up"], signal.SIGKILL)
    wait_until(lambda: not site.is_up, "it is seen that `up` has ended")


def test_an_up_that_stops_or_is_another_is_not_the_same_site(home: Home, start: Start) -> None:
    site = RunningSite(home)
    home.write_processes(home.processes() | {"up": start("manage.py up").pid})
    assert not site.is_up
    site = RunningSite(home)
    home.remove_endpoints()
    assert not site.is_up


def test_what_is_frozen_goes_on_after_the_block(home: Home) -> None:
    site = RunningSite(home)
    worker = psutil.Process(home.processes()["worker"])
    with site.frozen("worker"):
        wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "it stands still")
    wait_until(lambda: worker.status() != psutil.STATUS_STOPPED, "it goes on")


def test_what_is_frozen_goes_on_when_the_drill_is_killed(home: Home) -> None:
    code = (
        "import sys, time; from pathlib import Path; from agentsite.home import Home\n"
        "from agentsite.drills.site import RunningSite\n"
        "with RunningSite(Home(Path(sys.argv[1]))).frozen('worker'): time.sleep(60)"
    )
    drill = subprocess.Popen([sys.executable, "-c", code, str(home.path)], cwd=ROOT)
    worker = psutil.Process(home.processes()["worker"])
    wait_until(lambda: worker.status() == psutil.STATUS_STOPPED, "it stands still")
    drill.kill()
    drill.wait()
    wait_until(lambda: worker.status() != psutil.STATUS_STOPPED, "it goes on")
