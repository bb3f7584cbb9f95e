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
        self._pipes: list[asyncio.BaseTransport] = []

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def spawn(self) -> None:
        """Start it. Call from the main thread: the kernel watches the thread that started a child."""
        program = self.program
        # Pipes of our own: asyncio's wait for the process to end, and for all who hold them to let go.
        outputs = [await self._pipe(self._on_output or self._keep_line)]
        if self._on_output:
            outputs.append(await self._pipe(self._keep_line))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *program.command,
                env=program.environment,
                cwd=program.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=outputs[0],
                stderr=outputs[-1],
                start_new_session=True,  # the terminal's Ctrl-C is for us alone: we stop them in order
                preexec_fn=die_with_parent(program.orphan_signal),
                **program.spawn_options,
            )
        finally:
            for output in outputs:
                os.close(output)

    async def finish(self) -> int:
        """Wait for its end and its last line; return its exit code, negative for a signal.

        What it started and left behind with its outputs is killed.
        """
        assert self._process is not None
        code = await self._process.wait()
        _, unread = await asyncio.wait(self._readers, timeout=1.0)
        if unread:
            self._kill_group()
            _, unread = await asyncio.wait(unread, timeout=1.0)
        for reader in unread:  # it went into a session of its own
            reader.cancel()
        for pipe in self._pipes:
            pipe.close()
        return code

    def send(self, sign: signal.Signals) -> None:
        """Signal it, if it is there; SIGKILL reaches what it started too."""
        if self._process is None or self._process.returncode is not None:
            return
        if sign == signal.SIGKILL:
            self._kill_group()
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(sign)

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _pipe(self, on_line: Callable[[str], None]) -> int:
        """The end to write to; what comes out of the other one is read."""
        reading, writing = os.pipe()
        stream = asyncio.StreamReader()
        pipe, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb", 0)
        )
        self._pipes.append(pipe)
        self._readers.append(asyncio.create_task(_read_lines(stream, on_line)))
        return writing

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
