"""A folder of somebody else's agent: files and commands as the documentation shows them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

SHOWN = "127.0.0.1:7233"
"""Temporal's address on the page."""
OF_THE_TESTS = ("PYTHON", "VIRTUAL_ENV", "UV_", "TEMPORAL_", "DJANGO_", "DATABASE_", "AGENTSITE_")


class Folder:
    """Empty at first. Commands run with Temporal's address in place of the page's, which is all that is changed."""

    def __init__(self, path: Path, blocks: Mapping[str, str], temporal: str) -> None:
        self.path = path
        self._blocks = blocks
        self._temporal = temporal
        self._environment = _environment(path)

    def write(self, name: str, text: str | None = None) -> None:
        (self.path / name).write_text(self._blocks[name] if text is None else text)

    def run(self, name: str, *, timeout: float = 120, **changes: str) -> subprocess.CompletedProcess[str]:
        """The page's commands of this name; ``changes`` are words that stand for others."""
        return subprocess.run(
            ["sh", "-ec", self._commands(name, changes)],
            cwd=self.path,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def do(self, name: str, **changes: str) -> str:
        """Run them, and they succeed; what they said."""
        done = self.run(name, **changes)
        assert done.returncode == 0, f"{name}:\n{done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def working(self, name: str = "work") -> Iterator[None]:
        """The page's worker runs inside the block; it and all that it started are gone after it."""
        log = self.path / "worker.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                ["sh", "-ec", self._commands(name, {})],
                cwd=self.path,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield
            assert process.poll() is None, f"the worker ended:\n{log.read_text()}"
        finally:
            _end(process)

    def _commands(self, name: str, changes: Mapping[str, str]) -> str:
        commands = self._blocks[name].replace(SHOWN, self._temporal)
        for old, new in changes.items():
            assert old in commands
            commands = commands.replace(old, new)
        return commands


def _environment(path: Path) -> dict[str, str]:
    """The tools beside our Python, and of packages the versions that we have: they are in uv's cache already."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OF_THE_TESTS)}
    versions = path / ".versions"
    installed = {(found.metadata["Name"], found.version) for found in distributions()}
    versions.write_text("".join(f"{name}=={version}\n" for name, version in sorted(installed)))
    return kept | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "UV_CONSTRAINT": str(versions),
        "TEMPORAL_CONFIG_FILE": os.devnull,
        "npm_config_prefer_offline": "true",
        "npm_config_update_notifier": "false",
    }


def _end(process: subprocess.Popen[bytes]) -> None:
    """Its group is its session's: SIGKILL misses nothing that it started."""
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
    process.wait(20)
