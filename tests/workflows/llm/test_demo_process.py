"""The demo process starts at once, stops at once, and says in one line why it cannot start."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from .conftest import ROOT, Demo


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_within_a_second_whatever_it_is_doing(start_demo: Callable[..., Demo], signum: int) -> None:
    demo = start_demo()
    demo.inject("slow", seconds=60, match="late")
    demo.inject("timeout", match="never")
    demo.http.post(f"{demo.payments_url}/control", json={"seconds": 60})
    waiting: list[Callable[[], object]] = [
        lambda: demo.ask("late"),
        lambda: demo.ask("never", stream=True),
        demo.pay,
    ]
    threads = [threading.Thread(target=_ignoring_a_lost_server, args=[call]) for call in waiting]
    for thread in threads:
        thread.start()
    while demo.stats()["in_flight"] < 2 or demo.payments()["calls"] < 1:
        time.sleep(0.02)

    demo.process.send_signal(signum)

    assert demo.process.wait(20) == 0
    for thread in threads:
        thread.join(20)


def _ignoring_a_lost_server(call: Callable[[], object]) -> None:
    try:
        call()
    except httpx.HTTPError:
        pass


def test_the_usual_latency_is_small_and_can_be_set(start_demo: Callable[..., Demo]) -> None:
    demo = start_demo()

    assert 0.3 <= _least_seconds(demo) < 2
    assert demo.control("latency", ms=0).status_code == 200
    assert _least_seconds(demo) < 0.3
    assert demo.control("latency", ms=-1).status_code == 422
    demo.control("reset")
    assert _seconds(demo) >= 0.3


def _seconds(demo: Demo) -> float:
    started = time.monotonic()
    demo.ask("How long does this take?")
    return time.monotonic() - started


def _least_seconds(demo: Demo) -> float:
    """Of a few: the machine may be busy with something else."""
    return min(_seconds(demo) for _ in range(4))


def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert _cannot_start(port) == f"demo: cannot listen on 127.0.0.1:{port}: Address already in use"


def test_a_ledger_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    ledger = tmp_path / "notes.txt"
    ledger.write_text("milk, eggs\n")

    assert _cannot_start(0, "--ledger", str(ledger)).startswith(f"demo: {ledger}, line 1, is not a payment")
    assert ledger.read_text() == "milk, eggs\n"


def _cannot_start(port: int, *options: str) -> str:
    command = [sys.executable, "-m", "workflows.llm.demo", "--model-port", str(port), "--payments-port", "0"]
    ended = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    [line] = ended.stderr.splitlines()
    return line


def test_the_demo_needs_neither_django_nor_temporal_nor_openai() -> None:
    code = "import sys, workflows.llm.demo; print({'django', 'temporalio', 'openai'} & set(sys.modules))"

    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    assert ran.stdout.strip() == "set()"
