"""``manage.py worker`` as a process of its own, on the test's database, that is killed without a word."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from agentsite.child import die_with_parent
from agentsite.home import ROOT
from tests.workflows.bridge.conftest import database_url


class WorkerProcess:
    """One at a time, all in one log. The address of Temporal, and the model's, are in the environment when it starts."""

    def __init__(self, log: Path, *options: str) -> None:
        self.log, self.options = log, options
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "worker", *self.options],
                cwd=ROOT,
                env=os.environ | {"DATABASE_URL": database_url()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def kill(self) -> None:
        """With -9, if it runs."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def replace(self) -> None:
        """Kill it; another one starts, which knows nothing of it."""
        self.kill()
        self.start()
