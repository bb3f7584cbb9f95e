"""Processes are started, restarted and stopped as promised; the children here are small shell scripts."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from agentsite import supervisor as rules
from agentsite.child import Child, Program, Service
from agentsite.console import Console
from agentsite.failures import CannotStart
from agentsite.home import ROOT
from agentsite.supervisor import Supervisor
from tests.support.site import alive


class Desk:
    """A supervisor, what its console showed, and services made of shell scripts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shown = io.StringIO()
        self.console = Console(folder / "logs", self.shown)
        self.told: list[dict[str, int]] = []
        self.supervisor = Supervisor(self.console, lambda processes: self.told.append(dict(processes)))

    def service(self, name: str, script: str, *, stage: int = 0, ready: Path | None = None) -> Service:
        """Ready at once, or when the file is there."""

        async def is_ready(_: int) -> bool:
            return ready is None or ready.exists()

        program = Program(name, ["/bin/sh", "-c", script], dict(os.environ), self.folder)
        return Service(program, is_ready, stage=stage)

    def lines(self, name: str) -> list[str]:
        """The lines of a file in the folder; none when it is not there."""
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []

    async def until(self, condition: Callable[[], object], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.supervisor.kill()
    await desk.supervisor.stop()
    desk.console.close()


async def test_a_dead_child_is_started_again_at_once_and_the_console_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rules.RESTART_DELAYS[0] == 0
    monkeypatch.setattr(rules, "RESTART_DELAYS", (0.0, 60.0))  # it comes at once, or not in this test
    desk.supervisor.start(desk.service("web", "echo $$ >> pids; exec sleep 60"))
    await desk.supervisor.ready("web")
    await desk.until(lambda: desk.lines("pids"))
    os.kill(int(desk.lines("pids")[0]), signal.SIGKILL)
    await desk.until(lambda: len(desk.lines("pids")) == 2)
    await desk.until(lambda: "web ready again" in desk.shown.getvalue())
    assert "web died (SIGKILL), starting it again" in desk.shown.getvalue()


async def test_which_processes_run_is_told_whenever_it_changes(desk: Desk) -> None:
    desk.supervisor.start(desk.service("web", "echo $$ >> pids; exec sleep 60"))
    await desk.until(lambda: desk.lines("pids"))
    os.kill(int(desk.lines("pids")[0]), signal.SIGKILL)
    await desk.until(lambda: len(desk.lines("pids")) == 2)
    await desk.supervisor.stop()
    first, second = map(int, desk.lines("pids"))
    assert desk.told == [{"web": first}, {}, {"web": second}, {}]


async def test_a_child_that_keeps_dying_is_started_again_ever_more_slowly(desk: Desk) -> None:
    desk.supervisor.start(desk.service("web", "echo $$ >> pids; exec sleep 60"))
    await desk.supervisor.ready("web")
    waits = []
    for count in range(1, 4):
        await desk.until(lambda count=count: len(desk.lines("pids")) == count)  # type: ignore[misc]
        began = time.monotonic()
        os.kill(int(desk.lines("pids")[-1]), signal.SIGKILL)
        await desk.until(lambda count=count: len(desk.lines("pids")) == count + 1)  # type: ignore[misc]
        waits.append(time.monotonic() - began)
    for waited, delay in zip(waits, rules.RESTART_DELAYS, strict=False):
        assert delay <= waited < delay + 5


def test_restarts_wait_at_most_two_seconds_and_are_counted_anew_after_ten(tmp_path: Path) -> None:
    async def is_ready(_: int) -> bool:
        return True

    kept = rules.Kept(Service(Program("web", ["true"], {}, tmp_path), is_ready))
    kept.was_ready.set()
    assert [kept.died_after(1) for _ in range(6)] == [0, 0.5, 1, 2, 2, 2]
    assert kept.died_after(10) == 0
    assert kept.died_after(1) == 0.5


async def test_a_child_that_never_starts_is_given_up_with_its_last_lines(desk: Desk) -> None:
    never = desk.folder / "never"
    desk.supervisor.start(
        desk.service("web", "echo trying >> tries; echo no such table; exit 3", ready=never)
    )
    with pytest.raises(CannotStart, match="web does not start:\n  no such table"):
        await asyncio.wait_for(desk.supervisor.failed, 10)
    assert desk.lines("tries") == ["trying"] * rules.QUICK_FAILURES


async def test_a_child_that_is_never_ready_is_given_up(desk: Desk) -> None:
    service = desk.service("web", "echo waiting for Godot; exec sleep 60", ready=desk.folder / "never")
    desk.supervisor.start(Service(service.program, service.is_ready, start_seconds=0.5))
    with pytest.raises(CannotStart, match="web is not ready after 0 s:\n  waiting for Godot"):
        await asyncio.wait_for(desk.supervisor.failed, 10)


async def test_a_preparation_that_cannot_succeed_is_not_tried_again(desk: Desk) -> None:
    def prepare() -> None:
        raise CannotStart("initialized by PostgreSQL version 16")

    service = desk.service("postgres", "echo started >> starts")
    desk.supervisor.start(Service(service.program, service.is_ready, prepare=prepare))
    with pytest.raises(CannotStart, match="version 16"):
        await asyncio.wait_for(desk.supervisor.failed, 10)
    assert desk.lines("starts") == []


async def test_stages_are_stopped_one_after_the_other(desk: Desk) -> None:
    script = (
        "trap 'sleep 0.2; echo {0} >> ends; exit 0' TERM; echo {0} >> starts; while :; do sleep 0.05; done"
    )
    for name, stage in (("postgres", 2), ("web", 0), ("temporal", 1)):
        desk.supervisor.start(desk.service(name, script.format(name), stage=stage))
    await desk.supervisor.ready("postgres", "web", "temporal")
    await desk.until(lambda: len(desk.lines("starts")) == 3)
    await desk.supervisor.stop()
    assert desk.lines("ends") == ["web", "temporal", "postgres"]
    assert "died" not in desk.shown.getvalue()


async def test_who_does_not_end_is_killed_after_its_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    kill_seconds = rules.KILL_SECONDS
    monkeypatch.setattr(rules, "KILL_SECONDS", 0.5)
    script = "trap '' TERM; echo $$ >> pids; while :; do sleep 0.05; done"
    desk.supervisor.start(desk.service("web", script))
    await desk.until(lambda: desk.lines("pids"))
    began = time.monotonic()
    await desk.supervisor.stop()
    assert 0.5 <= time.monotonic() - began < kill_seconds
    assert not psutil.pid_exists(int(desk.lines("pids")[0]))


async def test_what_a_child_started_is_killed_with_it(desk: Desk) -> None:
    desk.supervisor.start(desk.service("web", "sleep 60 & echo $! > grandchild; wait"))
    await desk.until(lambda: desk.lines("grandchild"))
    grandchild = psutil.Process(int(desk.lines("grandchild")[0]))
    desk.supervisor.kill()
    await desk.supervisor.stop()
    await desk.until(lambda: not alive([grandchild]))


async def test_what_is_killed_while_it_is_being_started_is_killed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    spawn = Child.spawn

    async def spawn_slowly(child: Child) -> None:
        await spawn(child)
        await asyncio.sleep(0.5)

    monkeypatch.setattr(Child, "spawn", spawn_slowly)
    monkeypatch.setattr(rules, "KILL_SECONDS", 30.0)
    desk.supervisor.start(desk.service("web", "trap '' TERM; sleep 60 & echo $! > grandchild; wait"))
    await desk.until(lambda: desk.lines("grandchild"))
    grandchild = psutil.Process(int(desk.lines("grandchild")[0]))
    began = time.monotonic()
    desk.supervisor.kill()
    await desk.supervisor.stop()
    assert time.monotonic() - began < 10
    await desk.until(lambda: not alive([grandchild]))


async def test_a_child_that_leaves_something_behind_is_started_again_without_it(desk: Desk) -> None:
    desk.supervisor.start(desk.service("web", "sleep 60 & echo $! >> grandchildren; exit 1"))
    await desk.until(lambda: len(desk.lines("grandchildren")) == 2)
    first = int(desk.lines("grandchildren")[0])
    assert not psutil.pid_exists(first) or not alive([psutil.Process(first)])


async def test_a_job_hands_over_its_output_and_keeps_its_errors_for_the_log(desk: Desk) -> None:
    program = desk.service("prepare", "echo reached; echo a warning >&2").program
    output: list[str] = []
    await desk.supervisor.run_job(program, output.append)
    assert output == ["reached"]
    assert desk.lines("logs/prepare.log") == ["a warning"]


async def test_a_job_that_fails_is_told_with_its_last_lines(desk: Desk) -> None:
    program = desk.service("prepare", "echo no database >&2; exit 7").program
    with pytest.raises(CannotStart, match=r"prepare failed \(exit code 7\):\n  no database"):
        await desk.supervisor.run_job(program, print)


async def test_lines_are_shown_with_their_name_and_kept_in_a_file(desk: Desk) -> None:
    script = "printf 'one\\ntwo \\377\\nlast without end'; exec sleep 60"
    desk.supervisor.start(desk.service("web", script))
    await desk.until(lambda: len(desk.lines("logs/web.log")) >= 2)
    await desk.until(lambda: "web      | two" in desk.shown.getvalue())
    assert desk.lines("logs/web.log")[:2] == ["one", "two \\xff"]
    await desk.supervisor.stop()
    assert desk.lines("logs/web.log")[2] == "last without end"


async def test_a_console_that_nobody_reads_stalls_no_child(tmp_path: Path) -> None:
    unread, stream = os.pipe()
    try:
        console = Console(tmp_path / "logs", os.fdopen(stream, "w"))
        began = time.monotonic()
        for number in range(5000):
            console.child_line("web", f"{number} {'x' * 100}")
        console.close(timeout=0.1)
        assert time.monotonic() - began < 5
        assert len((tmp_path / "logs/web.log").read_text().splitlines()) == 5000
    finally:
        os.close(unread)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_of_a_killed_parent_end(tmp_path: Path) -> None:
    code = """
import asyncio, os, sys
from pathlib import Path
from agentsite.child import Child, Program

async def main():
    child = Child(Program("web", ["sleep", "60"], dict(os.environ), Path("/")), print)
    await child.spawn()
    print(child.pid, flush=True)
    await child.finish()

asyncio.run(main())
"""
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, left = psutil.wait_procs([child], timeout=20)
    assert not left
