"""What `manage.py up` shows and keeps: its own lines, and each child's with the child's name before it."""

import contextlib
import queue
import sys
import threading
from pathlib import Path
from typing import TextIO

COLOURS = ("36", "35", "33", "32", "34", "31")
NAME_WIDTH = 8
LOG_BYTES = 5_000_000


class Console:
    """Lines to a stream and to `<folder>/NAME.log`.

    The stream is written by a thread of its own, and lines are dropped when it takes none: a console
    that nobody reads must not stall the processes whose lines it shows. The files have every line.
    """

    def __init__(self, folder: Path, stream: TextIO = sys.stdout) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self._folder = folder
        self._stream = stream
        self._coloured = stream.isatty()
        self._logs: dict[str, LogFile] = {}
        self._lines: queue.Queue[str | None] = queue.Queue(maxsize=2000)
        self._writer = threading.Thread(target=self._write, daemon=True)
        self._writer.start()

    def say(self, text: str) -> None:
        """A line (or a block of lines) of `up` itself."""
        self._log("up").write(text)
        self.show(text)

    def show(self, text: str) -> None:
        """To the stream alone: what no file shall keep."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(text)

    def child_line(self, name: str, line: str, *, quiet: bool = False) -> None:
        """A line of a child; a quiet one goes to its file alone."""
        self._log(name).write(line)
        if not quiet:
            self.show(f"{self._prefix(name)} {line}")

    def close(self, timeout: float = 1.0) -> None:
        """Write what is left, if the stream takes it within so many seconds."""
        with contextlib.suppress(queue.Full):
            self._lines.put_nowait(None)
            self._writer.join(timeout)
        for log in self._logs.values():
            log.close()

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{NAME_WIDTH}} |"
        if not self._coloured:
            return prefix
        colour = COLOURS[list(self._logs).index(name) % len(COLOURS)]
        return f"\x1b[{colour}m{prefix}\x1b[0m"

    def _log(self, name: str) -> "LogFile":
        if name not in self._logs:
            self._logs[name] = LogFile(self._folder / f"{name}.log")
        return self._logs[name]

    def _write(self) -> None:
        with contextlib.suppress(OSError, ValueError):  # the reader of the stream has gone
            while (text := self._lines.get()) is not None:
                self._stream.write(text + "\n")
                self._stream.flush()


class LogFile:
    """Appends lines; at `limit` bytes the file becomes NAME.log.1, and a new one begins."""

    def __init__(self, path: Path, limit: int = LOG_BYTES) -> None:
        self._path = path
        self._limit = limit
        self._file = path.open("a", encoding="utf-8", errors="backslashreplace")

    def write(self, line: str) -> None:
        """Append a line. A full disk must not end the processes that are logged: it loses the line."""
        with contextlib.suppress(OSError):
            if self._file.tell() > self._limit:
                self._file.close()
                self._path.replace(self._path.with_name(f"{self._path.name}.1"))
                self._file = self._path.open("a", encoding="utf-8", errors="backslashreplace")
            self._file.write(line + "\n")
            self._file.flush()

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()
