"""Keeps a few processes running: start, readiness, restart, and an end in order.

Ours, because what is on PyPI stops its processes in no order, or without a limit, or leaves them
behind when it is killed itself.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from signal import SIGKILL

from agentsite.child import Child, Program, Service, ended
from agentsite.console import Console
from agentsite.failures import CannotStart

QUICK_FAILURES = 3
RESTART_DELAYS = (
    0.0,
    0.5,
    1.0,
    2.0,
)  # seconds before the first, second, ... restart; the last one repeats
STEADY_SECONDS = 10.0  # alive for so long: restarts are counted anew
PROBE_SECONDS = 0.05
KILL_SECONDS = 5.0  # from the order to stop until the first stage's stragglers are killed
STAGE_SECONDS = 0.9  # more for each later stage


class Kept:
    """A service, its current child, and how often that has died."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.child: Child | None = None
        self.task: asyncio.Task[None] | None = None
        self.was_ready = asyncio.Event()
        self.failures_before_ready = 0
        self.restarts = 0

    def died_after(self, seconds: float) -> float:
        """Count the death; return the seconds to wait before the next start. Raises CannotStart."""
        if not self.was_ready.is_set():
            self.failures_before_ready += 1
            if self.failures_before_ready == QUICK_FAILURES:
                raise CannotStart(f"{self.service.name} does not start{self.last_words()}")
        self.restarts = 1 if seconds >= STEADY_SECONDS else self.restarts + 1
        return RESTART_DELAYS[min(self.restarts, len(RESTART_DELAYS)) - 1]

    def last_words(self) -> str:
        """What the child printed last, below a colon; empty if nothing."""
        return _last_words(self.child)


class Supervisor:
    """Starts services and jobs, restarts services that die, and stops all."""

    def __init__(
        self, console: Console, on_processes: Callable[[Mapping[str, int]], None] = lambda _: None
    ) -> None:
        """`on_processes` gets name → process id of the services that run, whenever that changes."""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Gets a CannotStart as its exception when a service can never start."""
        self._console = console
        self._on_processes = on_processes
        self._pids: dict[str, int] = {}
        self._stop = asyncio.Event()
        self._is_killing = False
        self._kept: dict[str, Kept] = {}
        self._job: Child | None = None

    def start(self, service: Service) -> None:
        """Begin to keep the service running; returns at once."""
        kept = self._kept[service.name] = Kept(service)
        kept.task = asyncio.create_task(self._keep(kept))

    async def ready(self, *names: str) -> None:
        """Wait until these have been ready once."""
        for name in names:
            await self._kept[name].was_ready.wait()

    async def run_job(self, program: Program, on_output: Callable[[str], None]) -> None:
        """Run a program to its end; `on_output` gets each line of its output. Raises CannotStart."""
        job = Child(program, self._logger(program), on_output)
        await job.spawn()
        self._job = job
        code = await job.finish()
        if code != 0 and not self._stopping:
            raise CannotStart(f"{program.name} failed ({ended(code)}){_last_words(job)}")

    async def stop(self) -> None:
        """Stop stage after stage; whatever has not ended in its time is killed. All is over after 8 s."""
        self._stop.set()
        limit = time.monotonic() + KILL_SECONDS
        if self._job:
            self._job.send(self._job.program.stop_signal)
        for stage in sorted({kept.service.stage for kept in self._kept.values()}):
            await self._stop_stage(
                [kept for kept in self._kept.values() if kept.service.stage == stage],
                limit,
            )
            limit += STAGE_SECONDS
        if self._job:
            self._job.send(SIGKILL)
            await self._job.finish()

    def kill(self) -> None:
        """End everything now."""
        self._is_killing = True
        self._stop.set()
        for child in (self._job, *(kept.child for kept in self._kept.values())):
            if child:
                child.send(SIGKILL)

    # One service

    async def _keep(self, kept: Kept) -> None:
        try:
            while not self._stopping:
                began = time.monotonic()
                await self._live_once(kept, began)
                if not self._stopping:
                    await self._pause(kept.died_after(time.monotonic() - began))
        except CannotStart as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 (a fault of ours ends `up` aloud, not one service in silence)
            self._fail(CannotStart(f"{kept.service.name} cannot be run: {error!r}"))

    async def _live_once(self, kept: Kept, began: float) -> None:
        service = kept.service
        if service.prepare:
            await asyncio.to_thread(service.prepare)
        if self._stopping:
            return
        program = (not kept.was_ready.is_set() and service.first) or service.program
        child = Child(program, self._logger(program), service.on_output)
        await child.spawn()
        kept.child = child
        if self._stopping:  # ordered while it was being started
            child.send(SIGKILL if self._is_killing else service.program.stop_signal)
        self._pids[service.name] = child.pid
        self._on_processes(self._pids)
        probe = asyncio.create_task(self._probe(kept, child.pid, began))
        code = await child.finish()
        probe.cancel()
        del self._pids[service.name]
        self._on_processes(self._pids)
        if not self._stopping:
            self._console.say(f"{service.name} died ({ended(code)}), starting it again")

    async def _probe(self, kept: Kept, pid: int, began: float) -> None:
        service = kept.service
        while not await service.is_ready(pid):
            if not kept.was_ready.is_set() and time.monotonic() - began > service.start_seconds:
                limit = f"{service.start_seconds:.0f} s"
                self._fail(CannotStart(f"{service.name} is not ready after {limit}{kept.last_words()}"))
                return
            await asyncio.sleep(PROBE_SECONDS)
        again = " again" if kept.was_ready.is_set() else ""
        self._console.say(f"{service.name} ready{again} in {time.monotonic() - began:.1f} s")
        kept.was_ready.set()

    def _fail(self, error: CannotStart) -> None:
        if not self.failed.done():
            self.failed.set_exception(error)

    def _logger(self, program: Program) -> Callable[[str], None]:
        """Lines of the shutdown, when servers miss each other, are not shown either."""

        def log(line: str) -> None:
            self._console.child_line(program.name, line, quiet=program.quiet or self._stopping)

        return log

    # The end

    @property
    def _stopping(self) -> bool:
        return self._stop.is_set()

    async def _pause(self, seconds: float) -> None:
        """Sleep, but not through the order to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    async def _stop_stage(self, stage: list[Kept], limit: float) -> None:
        for kept in stage:
            if kept.child:
                kept.child.send(kept.child.program.stop_signal)
        tasks = [kept.task for kept in stage if kept.task]
        _, late = await asyncio.wait(tasks, timeout=max(limit - time.monotonic(), 0.1))
        if late:
            for kept in stage:
                if kept.child:
                    kept.child.send(SIGKILL)
            await asyncio.wait(late, timeout=1.0)


def _last_words(child: Child | None) -> str:
    if child is None or not child.last_lines:
        return ""
    return ":\n" + "\n".join(f"  {line}" for line in child.last_lines)
