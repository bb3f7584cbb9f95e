"""What a drill strikes: the processes of the `manage.py up` that runs in this home."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agentsite.home import Home

COMMANDS = {
    "up": "manage.py up",
    "web": "manage.py web",
    "bridge": "manage.py bridge",
    "worker": "manage.py worker",
    "temporal": "server start-dev",
}
"""Part of each one's command line: a process id that was kept may be somebody else's by now. What is there more than
once has a name such as `worker-2`."""
NOT_UP = "Drills need a site that starts again what dies: run `make up` in this AGENTSITE_HOME."


class CannotDrill(Exception):
    """Nothing was struck; the message says what is missing."""


class RunningSite:
    """The instance in ``home``. Raises :class:`CannotDrill` where none is ready."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.endpoints: dict[str, Any] = home.endpoints()
        self._up = home.processes().get("up", 0)
        if not self.is_up:
            raise CannotDrill(NOT_UP)

    @property
    def is_up(self) -> bool:
        """Whether the same `up` still runs, and is not about to end."""
        return bool(self.home.endpoints()) and self.pid("up") == self._up

    def pid(self, name: str) -> int | None:
        """Of the process that runs under this name now; None while there is none."""
        pid = self.home.processes().get(name)
        part = COMMANDS[name.partition("-")[0]]
        return pid if pid and part in _command(pid) else None

    def worker_named(self, identity: str) -> str:
        """The name of the process that calls itself so at Temporal, by its process id. Raises :class:`CannotDrill`."""
        for name, pid in self.home.processes().items():
            if name.startswith("worker") and re.search(rf"\b{pid}\b", identity):
                return name
        raise CannotDrill(f"The worker {identity} is at work, and this site would not start it again.")

    def kill(self, name: str) -> int:
        """End it as ``kill -9`` does; answers its process id. Raises :class:`CannotDrill`."""
        pid = self._pid_or_not(name)
        _send(pid, signal.SIGKILL)
        return pid

    @contextmanager
    def frozen(self, name: str) -> Iterator[int]:
        """It stands still inside the block, keeps its connections and answers nothing. Raises :class:`CannotDrill`.

        It goes on also when this process is killed: a guard waits for the end of a pipe that only we hold.
        """
        pid = self._pid_or_not(name)
        guard = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; kill -CONT "$0"', str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            _send(pid, signal.SIGSTOP)
            yield pid
        finally:
            guard.communicate()

    def _pid_or_not(self, name: str) -> int:
        pid = self.pid(name)
        if pid is None:
            raise CannotDrill(f"There is no process {name} of this site now.")
        return pid


def _send(pid: int, sign: signal.Signals) -> None:
    try:
        os.kill(pid, sign)
    except OSError as error:
        raise CannotDrill(f"The process {pid} takes no signal: {error.strerror}.") from error


def _command(pid: int) -> str:
    """Its command line; empty when it has ended."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    shown = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    return subprocess.run(shown, capture_output=True, text=True, check=False).stdout
