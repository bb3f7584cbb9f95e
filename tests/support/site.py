"""A whole site for tests: `manage.py up` in a folder of its own, used through its public contract."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from agentsite.child import die_with_parent
from agentsite.home import ROOT
from agentsite.ports import choose_free_ports
from tests.support.processes import wait_until
from tests.support.workers import polling_since

ROLES = {
    "web": "manage.py web",
    "bridge": "manage.py bridge",
    "worker": "manage.py worker",
    "temporal": "server start-dev",
    "postgres": "bin/postgres -D",
    "demo": "workflows.llm.demo",
}
QUEUES = ("research-agent", "agentsite")


class Site:
    """One instance. `start()` returns when it is ready; `close()` stops it and removes its folder."""

    def __init__(self, **environment: str) -> None:
        # Open for passage: as root, PostgreSQL runs under another user.
        self.folder = Path(tempfile.mkdtemp(prefix="agentsite-site-"))
        self.folder.chmod(0o711)
        self.home = self.folder / "home"
        self.port = choose_free_ports(1)[0]
        inherited = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        self.env = inherited | {"AGENTSITE_HOME": str(self.home), "PORT": str(self.port)} | environment
        self.process: subprocess.Popen[bytes] | None = None

    # Its life

    def launch(self) -> None:
        """Run `manage.py up`, its console in `console.log`; returns at once."""
        with self.console.open("ab") as console:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up"],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )

    def start(self, timeout: float = 120.0) -> None:
        """Run `manage.py up` until it says that all is ready."""
        self.launch()
        try:
            wait_until(self._is_published, "endpoints.json is written", timeout)
        except AssertionError:
            if "address already in use" not in self.output():
                raise
            # Somebody took the port between its choice and its use.
            self.port = choose_free_ports(1)[0]
            self.env["PORT"] = str(self.port)
            self.launch()
            wait_until(self._is_published, "endpoints.json is written", timeout)

    @property
    def runs(self) -> bool:
        """Whether its `manage.py up` does."""
        return self.process is not None and self.process.poll() is None

    def stop(self, timeout: float = 10.0) -> float:
        """SIGTERM and wait for the end; return the seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.terminate()
        self.process.wait(timeout)
        return time.monotonic() - began

    def close(self) -> None:
        """Stop it if it runs, by force if it must be, and remove its folder."""
        if self.runs:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                assert self.process
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _is_published(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, f"`manage.py up` ended:\n{self.output()}"
        return (self.home / "endpoints.json").exists()

    # Its addresses

    @property
    def endpoints(self) -> dict[str, Any]:
        endpoints: dict[str, Any] = json.loads((self.home / "endpoints.json").read_text())
        return endpoints

    @property
    def web(self) -> str:
        return str(self.endpoints["web"])

    @property
    def temporal(self) -> str:
        return str(self.endpoints["temporal"])

    @property
    def model(self) -> str:
        return str(self.endpoints["model"])

    @property
    def payments(self) -> str:
        return str(self.endpoints["payments"])

    @property
    def database(self) -> str:
        return str(self.endpoints["database"])

    # Its people

    def manage(self, *arguments: str, timeout: float = 60.0) -> str:
        """Run a `manage.py` command beside it; return the last line of its output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert done.returncode == 0, f"manage.py {' '.join(arguments)}:\n{done.stdout}{done.stderr}"
        return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""

    def token(
        self, person: str = "owner", *, agent: str | None = None, workspace: str = "demo", scopes: str = "*"
    ) -> str:
        """A new token of a person, or of an agent."""
        who = ("--agent", agent) if agent else ("--person", person)
        return self.manage("token", "create", *who, "--workspace", workspace, "--scopes", scopes)

    def signin_link(self, name: str = "owner") -> str:
        """A new one-time sign-in address."""
        return self.manage("signin-link", name)

    def client(self, token: str | None = None) -> httpx.Client:
        """An HTTP client of its web, with this bearer token."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.Client(base_url=self.web, headers=headers, timeout=30)

    # Its processes

    def output(self) -> str:
        """All that its console has shown."""
        return self.console.read_text(errors="replace")

    @property
    def console(self) -> Path:
        return self.folder / "console.log"

    def children(self) -> dict[str, psutil.Process]:
        """Its running processes by role, as ROLES names them."""
        assert self.process is not None
        found: dict[str, psutil.Process] = {}
        for child in psutil.Process(self.process.pid).children():
            role = role_of(child)
            if role:
                found[role] = child
        return found

    def family(self) -> list[psutil.Process]:
        """`up` itself and everything below it."""
        assert self.process is not None
        up = psutil.Process(self.process.pid)
        return [up, *up.children(recursive=True)]

    def kill(self, role: str, sign: signal.Signals = signal.SIGKILL) -> int:
        """Signal the process of this role (waiting for one to be there); return its pid."""
        wait_until(lambda: role in self.children(), f"a process {role} runs")
        child = self.children()[role]
        child.send_signal(sign)
        return int(child.pid)

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until `readyz` is 200 and the worker that runs now polls both queues."""
        wait_until(self._answers, "readyz answers 200", timeout)
        wait_until(self._polls, "the worker polls", timeout)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.web}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _polls(self) -> bool:
        worker = self.children().get("worker")
        return worker is not None and polling_since(self.temporal, QUEUES, worker.create_time())


def role_of(process: psutil.Process) -> str | None:
    """Which of ROLES a process is, by its command line; None for another, or one that has ended."""
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return None
    return next((role for role, part in ROLES.items() if part in command), None)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not."""
    return [process for process in processes if _is_alive(process)]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return False


def run_up(environment: Mapping[str, str], timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
    """`manage.py up` that is expected to end by itself; its two outputs are joined in `stdout`."""
    return subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
