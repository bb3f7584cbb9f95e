"""Web and database die while a page listens: it goes on where it was, and is told what moved meanwhile."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import psycopg
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.faults.reviewer import Reviewer
from tests.support.site import Site

PATIENCE = 120.0


class Listening:
    """What a page's script does: it comes back until it is let in, with the cursor that it saw last."""

    def __init__(self, site: Site, token: str, subject: str) -> None:
        self._site, self._token, self._subject = site, token, subject
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
        address = self._site.web.replace("http", "ws", 1) + "/live/"
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
    page = Listening(site, owner.token, subject)
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

    site.kill("postgres")
    await asyncio.to_thread(site.wait_ready, PATIENCE)
    run = await asyncio.to_thread(owner.refund, "Live again", 41)
    await page.told()
    question = await asyncio.to_thread(owner.question, run)
    await asyncio.to_thread(owner.decide, question)
    await page.close()
