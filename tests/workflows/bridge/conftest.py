"""Bridges: their parts in the test's own loop, or as the processes that the site runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from django.conf import settings

from agentsite.child import die_with_parent
from agentsite.home import ROOT
from tests.support.processes import wait_until

StartBridge = Callable[[], "Bridge"]


class Bridge:
    """``manage.py bridge`` on the test's database and server."""

    def __init__(self, log: Path, failpoints: Path, address: str) -> None:
        environment = os.environ | {
            "DATABASE_URL": database_url(),
            "TEMPORAL_ADDRESS": address,
            "AGENTSITE_FAILPOINTS": str(failpoints),
        }
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "bridge"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def says(self, words: str, timeout: float = 60.0) -> None:
        """Wait until it logs these words."""
        wait_until(lambda: words in self.log.read_text(), f"the bridge says {words!r}", timeout)

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def freeze(self) -> None:
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        with suppress(psutil.NoSuchProcess):
            self.process.kill()
        self.process.wait()


def database_url() -> str:
    """Of the test's database, for processes beside it."""
    database: dict[str, Any] = settings.DATABASES["default"]
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return psycopg.conninfo.make_conninfo(
        **{name: database[key] for name, key in names.items() if database[key]}
    )


@pytest.fixture
def failpoints(tmp_path: Path) -> Path:
    """The folder in which a file arms a failpoint."""
    folder = tmp_path / "failpoints"
    folder.mkdir()
    return folder


@pytest.fixture
def start_bridge(temporal_server: str, tmp_path: Path, failpoints: Path) -> Iterator[StartBridge]:
    started: list[Bridge] = []

    def start() -> Bridge:
        started.append(Bridge(tmp_path / f"bridge-{len(started)}.log", failpoints, temporal_server))
        return started[-1]

    yield start
    for bridge in started:
        bridge.resume()
        bridge.kill()
