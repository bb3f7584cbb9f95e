"""Web and database die while a page listens: it goes on where it was, and is told what moved meanwhile."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx
import psycopg
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from agentsite.home import ROOT
from agentsite.ports import choose_free_ports
from tests.faults.reviewer import Json, Reviewer
from tests.support.processes import running
from tests.support.site import Site

PATIENCE = 120.0


class Listening:
    """What a page's script does: it comes back until it is let in, with the cursor that it saw last."""

    def __init__(self, web: str, token: str, subject: str) -> None:
        self._web, self._token, self._subject = web, token, subject
        self._cursor = ""
        self._socket: ClientConnection | None = None
        self.connections = 0

    async def told(self) -> None:
        """Until the subject is named once more."""
        async with asyncio.timeout(PATIENCE):
            while self._subject not in (await self._next()).get("changed", ()):
                pass

    async def quiet(self) -> None:
        """Take what is on its way."""
        try:
            async with asyncio.timeout(2):
                while True:
                    await self._next()
        except TimeoutError:
            pass

    async def say(self, message: Json) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(message))

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()

    async def _next(self) -> dict[str, Any]:
        while True:
            try:
                if self._socket is None:
                    await self._connect()
                assert self._socket is not None
                message: dict[str, Any] = json.loads(await self._socket.recv())
            except (OSError, ConnectionClosed, TimeoutError):
                self._socket = None
                await asyncio.sleep(0.2)
            else:
                assert "reload" not in message
                self._cursor = message.get("cursor", self._cursor)
                return message

    async def _connect(self) -> None:
        address = self._web.replace("http", "ws", 1) + "/live/"
        headers = {"Authorization": f"Bearer {self._token}"}
        self._socket = await connect(address, additional_headers=headers)
        self.connections += 1
        await self._socket.send(json.dumps({"listen": [self._subject], "cursor": self._cursor}))


def test_a_page_outlives_web_and_database(site: Site, owner: Reviewer) -> None:
    with psycopg.connect(site.database) as database:
        row = database.execute("SELECT id FROM reviews_workspace WHERE slug = 'demo'").fetchone()
    assert row is not None
    asyncio.run(_listen(site, owner, f"inbox:{row[0]}"))


async def _listen(site: Site, owner: Reviewer, subject: str) -> None:
    page = Listening(site.web, owner.token, subject)
    await page.told()  # without a cursor everything is new
    await page.quiet()

    run = await asyncio.to_thread(owner.refund, "Live", 40)
    await page.told()
    question = await asyncio.to_thread(owner.question, run)
    await page.quiet()

    site.kill("web")
    decision = await asyncio.to_thread(owner.decide, question)
    await page.told()
    await asyncio.to_thread(owner.delivered, decision)
    await page.quiet()
    assert page.connections >= 2

    for stopped in (signal.SIGKILL, signal.SIGINT):  # killed, and restarted in order
        site.kill("postgres", stopped)
        await asyncio.to_thread(site.wait_ready, PATIENCE)
        run = await asyncio.to_thread(owner.refund, "Live again", 41)
        await page.told()
        question = await asyncio.to_thread(owner.question, run)
        await page.quiet()
        await asyncio.to_thread(owner.decide, question)
        await page.told()
    await page.close()


def test_two_web_processes_tell_each_others_pages(site: Site, owner: Reviewer, second_web: str) -> None:
    """Changes of either, and who looks at a question in either."""
    run = owner.refund("Two webs", 42)
    question = owner.question(run)
    asyncio.run(_at_both(site, owner, second_web, f"escalation:{question['id']}", question))


async def _at_both(site: Site, owner: Reviewer, second_web: str, subject: str, question: Json) -> None:
    here, there = [Listening(web, owner.token, subject) for web in (site.web, second_web)]
    for page in (here, there):
        await page.told()
        await page.quiet()
    await here.say({"looking": question["id"]})
    await there.told()
    await here.quiet()
    decided = await asyncio.to_thread(owner.decide, question)
    await here.told()
    await there.told()
    answer = await asyncio.to_thread(
        httpx.get,
        f"{second_web}/api/v1/decisions/{decided['id']}",
        headers={"Authorization": f"Bearer {owner.token}"},
    )
    assert answer.json()["id"] == decided["id"]
    for page in (here, there):
        await page.close()


@pytest.fixture
def second_web(site: Site) -> Iterator[str]:
    [port] = choose_free_ports(1)
    url = f"http://127.0.0.1:{port}"
    environment = site.env | {"PORT": str(port), "DATABASE_URL": site.database}
    command = [sys.executable, str(ROOT / "manage.py"), "web"]

    def answers(_: int) -> bool:
        with suppress(httpx.TransportError):
            return httpx.get(f"{url}/healthz").is_success
        return False

    with running(command, environment=environment, log=site.home / "second-web.log", is_ready=answers):
        yield url
