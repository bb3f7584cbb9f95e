"""Temporal frozen or dead while people decide: answered at once, said, delivered when it is back, once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen

import httpx
import pytest
from temporalio.client import Client

from agentsite.ports import choose_free_ports
from reviews.escalations.models import Decision
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.workspaces.models import Workspace
from tests.support.processes import running
from tests.workflows.bridge.conftest import StartBridge
from tests.workflows.bridge.parts import mirrored
from tests.workflows.flows import Ask, AskOne
from tests.workflows.world import World, until, working
from workflows.bridge.database import in_database
from workflows.engine.devserver import DevServer, find_binary


@dataclass
class Server:
    """A dev server of the test's own, that may be killed and started again on its file."""

    server: DevServer
    folder: Path

    @contextmanager
    def serving(self) -> Iterator[Popen[bytes]]:
        log = self.folder / "temporal.log"
        with running(
            self.server.command(), environment=os.environ, log=log, is_ready=self._is_ready
        ) as process:
            yield process

    def _is_ready(self, _: int) -> bool:
        try:
            return httpx.get(self.server.health_url).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def own_server(tmp_path: Path) -> Server:
    binary = find_binary()
    assert binary
    port, ui_port, http_port = choose_free_ports(3)
    server = DevServer(binary, port, ui_port, http_port, tmp_path / "temporal.sqlite", synchronous="normal")
    return Server(server, tmp_path)


@pytest.fixture
def temporal_server(own_server: Server) -> str:
    """Where the bridges of these tests find theirs."""
    return own_server.server.address


async def waits_and_says_why(decision: Decision) -> Message:
    async def tried() -> Message | None:
        message = await in_database(Message.objects.get, subject=decision.id)
        return message if message.attempts and message.last_error else None

    # A stopped server fails a call after 5 to 30 s, whatever the call's own limit says.
    return await until(tried, "the message was tried and says why it waits", 90)


async def test_frozen_then_killed_temporal_gets_each_decision_once_when_it_is_back(
    own_server: Server, workspace: Workspace, bob: Account, start_bridge: StartBridge
) -> None:
    with own_server.serving() as process:
        world = World(await Client.connect(own_server.server.address), workspace, bob)
        async with working(world):
            frozen = await world.start(AskOne.run, Ask())
            dead = await world.start(AskOne.run, Ask())
            questions = [await world.question(handle) for handle in (frozen, dead)]
            bridge = start_bridge()
            await asyncio.to_thread(bridge.says, "is active, epoch")

            process.send_signal(signal.SIGSTOP)
            first = await world.decide(questions[0])
            message = await waits_and_says_why(first)
            assert (message.state, message.run_id) == ("pending", frozen.run_id)
            assert (await world.delivery(first)).state == "recorded"
            process.send_signal(signal.SIGCONT)
            assert (await frozen.result())["key"] == str(first.id)

            process.kill()
            await asyncio.to_thread(process.wait)
            bridge.kill()
            start_bridge()  # one that never reached Temporal says why, too
            second = await world.decide(questions[1])
            assert (await waits_and_says_why(second)).run_id == dead.run_id
            with own_server.serving():
                assert (await dead.result())["key"] == str(second.id)
                for handle, decision in ((frozen, first), (dead, second)):
                    await world.delivery(decision, "acted_on")
                    assert len(await world.signals(handle)) == 1
                    assert (await mirrored(handle)).status == "completed"
