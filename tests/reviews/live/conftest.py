"""A served site, and sockets to it from asyncio clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect

from reviews.people.models import Account
from tests.support.people import People
from tests.support.served import Served, served

T = TypeVar("T")
PATIENCE = 20.0


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[Served]:
    with served() as running:
        yield running


@pytest.fixture
def site(server: Served, transactional_db: None) -> Iterator[Served]:
    yield server
    server.rest()


@pytest.fixture
def people(site: Served) -> People:
    """All of them, made here: the event loop of a test may not ask the database."""
    everybody = People()
    for name in ("home", "abroad", "alice", "ada", "olga", "bob", "victor", "robo", "charlie"):
        getattr(everybody, name)
    return everybody


def in_database(work: Callable[..., T], *values: Any, **named: Any) -> Awaitable[T]:
    return database_sync_to_async(work)(*values, **named)


def cookie_of(account: Account) -> str:
    """Of a session of its own."""
    client = Client()
    client.force_login(account, backend="django.contrib.auth.backends.ModelBackend")
    name = settings.SESSION_COOKIE_NAME
    return f"{name}={client.cookies[name].value}"


class Page:
    """What a page's script does: it listens, keeps the cursor, and remembers what it was told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.cursor = ""
        self.messages: list[dict[str, Any]] = []

    async def listen(self, *subjects: str, cursor: str = "") -> dict[str, Any]:
        await self.socket.send(json.dumps({"listen": list(subjects), "cursor": cursor or self.cursor}))
        return await self.next("listening", "reload")

    async def next(self, *keys: str) -> dict[str, Any]:
        """The next message with one of ``keys``."""
        async with asyncio.timeout(PATIENCE):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                self.messages.append(message)
                self.cursor = message.get("cursor", self.cursor)
                if any(key in message for key in keys):
                    return message

    async def told(self, subject: str) -> None:
        while subject not in (await self.next("changed"))["changed"]:
            pass

    async def closed(self) -> int:
        """The code it was closed with."""
        async with asyncio.timeout(PATIENCE):
            await self.socket.wait_closed()
        code = self.socket.close_code
        assert code is not None
        return code


@asynccontextmanager
async def page(
    site: Served, cookie: str = "", *, url: str = "", origin: str | None = "", bearer: str = ""
) -> AsyncIterator[Page]:
    headers = {"Cookie": cookie} if cookie else {"Authorization": f"Bearer {bearer}"} if bearer else {}
    said = site.url if origin == "" and not bearer else origin or None
    async with connect(url or site.socket_url, origin=said, additional_headers=headers) as socket:  # type: ignore[arg-type]
        yield Page(socket)
