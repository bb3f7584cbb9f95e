"""One process below `manage.py up`: what to run, its life, its lines."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST_LINE = 65_536
LAST_LINES = 12
PR_SET_PDEATHSIG = 1  # linux/prctl.h
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Program:
    """What to run, and how it is told to end."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    stop_signal: signal.Signals = signal.SIGTERM
    orphan_signal: signal.Signals = signal.SIGKILL
    """Sent by the kernel when `up` itself is killed (Linux)."""
    quiet: bool = False
    """Its lines are kept in its file, not shown."""
    spawn_options: Mapping[str, Any] = field(default_factory=dict)
    """More arguments of `subprocess.Popen`, such as the user to run as."""


@dataclass(frozen=True)
class Service:
    """A program to keep running."""

    program: Program
    is_ready: Callable[[int], Awaitable[bool]]
    """One try, given the process id; asked again until it is true."""
    first: Program | None = None
    """Runs in place of `program` until it has been ready once."""
    on_output: Callable[[str], None] | None = None
    """Gets the lines of its standard output, which are then not logged."""
    prepare: Callable[[], None] | None = None
    """Runs before each start, in a thread."""
    stage: int = 0
    """Stages are stopped one after the other, the lowest first."""
    start_seconds: float = 120.0

    @property
    def name(self) -> str:
        return self.program.name


class Child:
    """A running program. `on_line` gets each line; with `on_output`, that gets those of its standard output."""

    def __init__(
        self,
        program: Program,
        on_line: Callable[[str], None],
        on_output: Callable[[str], None] | None = None,
    ) -> None:
        self.program = program
        self.last_lines: deque[str] = deque(maxlen=LAST_LINES)
        self._on_line = on_line
        self._on_output = on_output
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def spawn(self) -> None:
        """Start it. Call from the main thread: the kernel watches the thread that started a child."""
        program = self.program
        self._process = process = await asyncio.create_subprocess_exec(
            *program.command,
            env=program.environment,
            cwd=program.cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE if self._on_output else asyncio.subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is for us alone: we stop them in order
            preexec_fn=die_with_parent(program.orphan_signal),
            **program.spawn_options,
        )
        if process.stdout:
            self._read(process.stdout, self._on_output or self._keep_line)
        if process.stderr:
            self._read(process.stderr, self._keep_line)

    async def finish(self) -> int:
        """Wait for its end and its last line; return its exit code, negative for a signal."""
        assert self._process is not None
        code = await self._process.wait()
        # Something it started may hold its outputs open for ever.
        _, unread = await asyncio.wait(self._readers, timeout=1.0)
        for reader in unread:
            reader.cancel()
        return code

    def send(self, sign: signal.Signals) -> None:
        """Signal it, if it is there; SIGKILL reaches what it started too."""
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            if sign == signal.SIGKILL:
                os.killpg(self._process.pid, sign)
            else:
                self._process.send_signal(sign)

    def _read(self, stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
        self._readers.append(asyncio.create_task(_read_lines(stream, on_line)))

    def _keep_line(self, line: str) -> None:
        self.last_lines.append(line)
        self._on_line(line)


def ended(code: int) -> str:
    """An exit code in words."""
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def die_with_parent(sign: signal.Signals) -> Callable[[], None] | None:
    """Run in the child before its program: a killed parent leaves no orphan (Linux only)."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def ask_kernel() -> None:
        libc.prctl(PR_SET_PDEATHSIG, sign, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return ask_kernel


async def _read_lines(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    """Hand over each line; one without an end is cut at LONGEST_LINE bytes."""
    pending = b""
    while chunk := await stream.read(LONGEST_LINE):
        *lines, pending = (pending + chunk).split(b"\n")
        if len(pending) > LONGEST_LINE:
            lines, pending = [*lines, pending], b""
        for line in lines:
            on_line(line.decode(errors="backslashreplace"))
    if pending:
        on_line(pending.decode(errors="backslashreplace"))
