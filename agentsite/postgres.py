"""The embedded PostgreSQL: `initdb` and `postgres` from a wheel, run as children of ours.

The wheel's own helper is not used: as root it makes a system user and opens every folder above the
data. Here the rights of a folder that is not ours are never changed (see postgres_place.py).
"""

import contextlib
import os
import re
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from agentsite.account import Account, run_as
from agentsite.failures import CannotStart
from agentsite.postgres_place import Place

MAJOR_VERSION = "18"
OLDEST_VERSION = 16
"""Of a server of somebody else."""
ROLE = DATABASE = "agentsite"
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}

# For a small machine where other servers run too: little memory until it is needed, no helper
# processes that one person's site has no use for, no shared memory left behind after kill -9.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "32MB",
    "io_method": "sync",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "",
    "log_checkpoints": "off",
}
# Only for tests: what a power cut would lose is made again.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def version_fault(version: str) -> str | None:
    """One line on a server that is too old, such as `15.4 (Debian 15.4-1)`; None for one that will do."""
    major = re.match(r"\d+", version)
    if major is None or int(major[0]) >= OLDEST_VERSION:
        return None
    return f"PostgreSQL {version} is too old; {OLDEST_VERSION} or later is needed"


@dataclass(frozen=True)
class Cluster:
    """One embedded server: its data, program, port and the password of its role `agentsite`."""

    place: Place
    port: int
    password: str
    durable: bool = True

    @property
    def data(self) -> Path:
        return self.place.folder / "data"

    @property
    def account(self) -> Account | None:
        return self.place.account

    @property
    def url(self) -> str:
        return f"postgresql://{ROLE}:{self.password}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def environment(self) -> dict[str, str]:
        """What the server finds in its environment: nothing of ours."""
        return ENVIRONMENT

    def created_at(self) -> float | None:
        """When the data were made (seconds since the epoch); None before that."""
        try:
            return (self.data / "PG_VERSION").stat().st_mtime
        except FileNotFoundError:
            return None

    def prepare(self) -> None:
        """Make the data the first time; clear what a killed server left. Raises CannotStart."""
        if not self.data.exists():
            self._create()
        self._check_version()
        self.clear_killed()

    def command(self) -> list[str]:
        """The server's command line."""
        settings = SETTINGS | {"port": str(self.port)} | ({} if self.durable else FORGETFUL)
        return [
            str(self.place.program / "bin/postgres"),
            "-D",
            str(self.data),
            *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
        ]

    def is_ready(self, pid: int) -> bool:
        """Whether the server with this process id accepts connections (pg_ctl's own test)."""
        lines = self._pid_file()
        return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"

    # The data folder

    def _create(self) -> None:
        """Made beside its final name and renamed at the end, so that half a cluster is never found."""
        draft = self.place.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        self._run(
            "initdb",
            *("-D", str(draft), "--username=postgres", "--encoding=UTF8", "--locale=C"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            # The superuser, who has no password, gets in by single-user mode alone, as below.
            *("--auth-local=reject", "--auth-host=scram-sha-256"),
            *([] if self.durable else ["--no-sync"]),
        )
        # New databases, those of tests too, are copies of template1.
        self._run_single(draft, "template1", "CREATE EXTENSION vector;")
        self._run_single(
            draft,
            "postgres",
            f"CREATE ROLE {ROLE} LOGIN CREATEDB PASSWORD '{self.password}';",
            f"CREATE DATABASE {DATABASE} OWNER {ROLE};",
        )
        draft.rename(self.data)

    def _run_single(self, data: Path, database: str, *statements: str) -> None:
        options = ("-c", "exit_on_error=on", "-c", "log_checkpoints=off")
        text = "\n".join(statements) + "\n"
        self._run("postgres", "--single", "-D", str(data), *options, database, text=text)

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        command = [str(self.place.program / "bin" / program), *arguments]
        done = run_as(self.account, command, text=text, env=ENVIRONMENT)
        if done.returncode != 0:
            last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
            raise CannotStart(f"PostgreSQL's {program} failed in {self.place.folder}: {last}")

    def _check_version(self) -> None:
        version = (self.data / "PG_VERSION").read_text().strip()
        if version != MAJOR_VERSION:
            raise CannotStart(
                f"the database in {self.data} was initialized by PostgreSQL version {version}, this is "
                f"{MAJOR_VERSION}: dump it with that version, or start with another AGENTSITE_HOME"
            )

    # A server that was killed

    def clear_killed(self) -> None:
        """Remove the pid file of a server that is gone; stop one that is still there without its parent.

        PostgreSQL itself refuses to start when the number in the file has meanwhile been given to any
        other process of the same user, which after a reboot or in a container is common.
        """
        with contextlib.suppress(IndexError, ValueError):
            pid = int(self._pid_file()[0])
            if self._serves_this_data(pid):
                self._stop_orphan(pid)
        with contextlib.suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _serves_this_data(self, pid: int) -> bool:
        """A postmaster's working directory is its data folder."""
        try:
            return Path(f"/proc/{pid}/cwd").resolve(strict=True) == self.data.resolve()
        except OSError:
            return False

    def _stop_orphan(self, pid: int) -> None:
        for sign in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            os.kill(pid, sign)
            for _ in range(40):
                if not self._serves_this_data(pid):
                    return
                time.sleep(0.05)
