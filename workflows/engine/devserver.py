"""The Temporal dev server that `manage.py up` starts, tuned; and when it starts none.

Stock, the dev server looks for tasks 20 times a second in each of its queues, which costs every
signal, timer and activity up to 50 ms, and commits to its file with two writes.
"""

import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

DYNAMIC_CONFIG = {
    "history.transferProcessorMaxPollRPS": "2000",
    "history.timerProcessorMaxPollRPS": "2000",
    "history.visibilityProcessorMaxPollRPS": "2000",
    "frontend.WorkflowPauseEnabled": "true",  # off unless said
}
NAMESPACE = "default"
OF_WORKERS = ("TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID")
"""Which version a worker is: they name no server."""
WAITING = "AgentsiteWaiting"
"""Registered from the start: by the time that a workflow upserts it, every part of the server knows it."""


@dataclass(frozen=True)
class DevServer:
    """One dev server: its binary, its ports on 127.0.0.1, and the SQLite file it keeps (None: memory)."""

    binary: Path
    port: int
    ui_port: int
    http_port: int
    file: Path | None
    # `full` survives a power cut, `normal` a crash of the process only, and is 10 to 20 % faster.
    synchronous: Literal["full", "normal"] = "full"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def health_url(self) -> str:
        """Answers 200 when the server serves and its namespace is there."""
        return f"http://127.0.0.1:{self.http_port}/api/v1/namespaces/{NAMESPACE}"

    def command(self) -> list[str]:
        """The server's command line."""
        command = [str(self.binary), "server", "start-dev", "--ip", "127.0.0.1"]
        command += ["--port", str(self.port), "--ui-port", str(self.ui_port)]
        command += ["--http-port", str(self.http_port), "--ui-disable-news-fetch"]
        command += ["--log-level", "warn", "--search-attribute", f"{WAITING}=Bool"]
        for name, value in DYNAMIC_CONFIG.items():
            command += ["--dynamic-config-value", f"{name}={value}"]
        if self.file:
            command += ["--db-filename", str(self.file)]
            command += ["--sqlite-pragma", "journal_mode=wal"]
            command += ["--sqlite-pragma", f"synchronous={self.synchronous}"]
        return command

    def client_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment for clients of this server, and of no other."""
        return environment_for(self.address, environment)


def environment_for(address: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment for clients of the dev server at this ``host:port``.

    No variable and no profile from a configuration file (an API key, TLS, somebody's Cloud) may
    mix with this server's address.
    """
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith("TEMPORAL_") or name in OF_WORKERS
    }
    return kept | {
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "TEMPORAL_CONFIG_FILE": os.devnull,
    }


def is_external(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a server was named. A configuration file's default profile alone names none."""
    return bool(environment.get("TEMPORAL_ADDRESS") or environment.get("TEMPORAL_PROFILE"))


def find_binary() -> Path | None:
    """The `temporal` of the wheel beside our Python, else the one on PATH, else None."""
    beside = Path(sys.executable).parent / "temporal"
    if os.access(beside, os.X_OK):
        return beside
    found = shutil.which("temporal")
    return Path(found) if found else None
