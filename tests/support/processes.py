"""Processes of tests: started, awaited, and gone with the test run, however that ends."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from agentsite.account import Account
from agentsite.child import die_with_parent

T = TypeVar("T")


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30.0) -> T:
    """Ask again and again until the answer is true, and return it; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not (answer := condition()):
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.05)
    return answer


@contextlib.contextmanager
def running(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    is_ready: Callable[[int], bool],
    account: Account | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server that is ready inside the block, and stopped by SIGINT after it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env=environment,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=die_with_parent(signal.SIGINT),
            **(account.spawn_options() if account else {}),
        )
    try:

        def ready() -> bool:
            assert process.poll() is None, f"{command[0]} ended:\n{log.read_text()}"
            return is_ready(process.pid)

        wait_until(ready, f"{command[0]} is ready")
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
