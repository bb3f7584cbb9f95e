"""`manage.py up`: the whole site on one machine.

Runs without Django: it starts the database that Django's settings name, and sits beside the site for
as long as that runs.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from agentsite.console import Console
from agentsite.failures import CannotStart
from agentsite.home import Home
from agentsite.plan import Plan
from agentsite.supervisor import Supervisor


def main(environment: Mapping[str, str] = os.environ) -> int:
    """Run until SIGINT, SIGTERM or a service that cannot start; return the exit code."""
    try:
        return asyncio.run(_run(Home.from_environment(environment), environment))
    except CannotStart as error:
        print(f"up: {error}", file=sys.stderr)
        return 1


async def _run(home: Home, environment: Mapping[str, str]) -> int:
    began = time.monotonic()
    home.create()
    with home.lock(), _console(home) as console:
        home.remove_endpoints()
        home.remove_processes()
        plan = Plan(home, environment)
        for name in plan.moved:
            console.say(f"the kept port of {name} is taken; using {home.ports()[name]} from now on")
        supervisor = Supervisor(
            console, lambda services: home.write_processes({"up": os.getpid(), **services})
        )
        stop = _stop_on_signals(supervisor, console)
        start = asyncio.create_task(_bring_up(plan, supervisor, console, began))
        try:
            await _first_of(start, supervisor.failed, stop)
            await _first_of(supervisor.failed, stop)
        finally:
            start.cancel()
            home.remove_endpoints()
            await supervisor.stop()
            home.remove_processes()
            console.say("Everything has stopped.")
    return 0


async def _bring_up(plan: Plan, supervisor: Supervisor, console: Console, began: float) -> None:
    console.say(f"Starting Agentsite in {plan.home.path}")
    servers = plan.servers()
    for service in servers:
        supervisor.start(service)
    reached = _Reached(plan, supervisor)
    if preparation := plan.preparation():
        await supervisor.run_job(preparation, reached.on_line)
    else:
        await supervisor.ready("postgres")
        reached.database()
    await supervisor.ready(*(service.name for service in servers), "web", "bridge", "worker")
    plan.home.write_endpoints(plan.endpoints(reached.temporal))
    console.show(_ready_block(plan, reached.signin_path, time.monotonic() - began))


class _Reached:
    """How far the start is: `manage.py prepare` and `manage.py web` print it, one JSON object a line."""

    def __init__(self, plan: Plan, supervisor: Supervisor) -> None:
        self._plan = plan
        self._supervisor = supervisor
        self.temporal = plan.devserver.address if plan.devserver else ""
        self.signin_path = ""

    def on_line(self, line: str) -> None:
        match _parsed(line):
            case {"reached": "database"}:
                self._plan.home.mark_prepared(self._plan.fingerprint())
                self.database()
            case {"reached": "temporal", "address": str(address)}:
                self.temporal = address
            case {"reached": "workers"}:
                self._plan.workers_poll.set()
            case {"reached": "signin", "path": str(path)}:
                self.signin_path = path

    def database(self) -> None:
        """The database is prepared: the application can start."""
        for service in self._plan.application(on_web_output=self.on_line):
            self._supervisor.start(service)


def _parsed(line: str) -> Any:
    """None for what is no JSON: somebody's print."""
    try:
        return json.loads(line)
    except ValueError:
        return None


def _ready_block(plan: Plan, signin_path: str, seconds: float) -> str:
    rows = [
        ("Web", plan.web_url),
        ("Sign in", f"{plan.web_url}{signin_path}  (as owner, once)"),
    ]
    if plan.devserver:
        rows.append(("Temporal", f"http://127.0.0.1:{plan.devserver.ui_port}"))
    rows.append(("Logs", str(plan.home.path / "logs")))
    lines = "\n".join(f"  {name:<10}{value}" for name, value in rows)
    return f"\nAgentsite is ready after {seconds:.1f} s. Ctrl-C stops it.\n\n{lines}\n"


def _stop_on_signals(supervisor: Supervisor, console: Console) -> asyncio.Future[None]:
    """A future that the first signal completes; the second one kills everything at once."""
    loop = asyncio.get_running_loop()
    stop: asyncio.Future[None] = loop.create_future()

    def on_signal() -> None:
        if stop.done():
            supervisor.kill()
        else:
            console.say("Stopping. Once more kills at once.")
            stop.set_result(None)

    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sign, on_signal)
    return stop


async def _first_of(*awaited: asyncio.Future[None]) -> None:
    """Wait for one of them; raises what that one raised."""
    done, _ = await asyncio.wait(awaited, return_when=asyncio.FIRST_COMPLETED)
    for future in done:
        future.result()


@contextlib.contextmanager
def _console(home: Home) -> Iterator[Console]:
    console = Console(home.path / "logs")
    try:
        yield console
    finally:
        console.close()
