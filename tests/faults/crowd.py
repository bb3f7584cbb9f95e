"""Many persons with a token each, and what they send at the same moment."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass

import httpx

from tests.faults.reviewer import Json, answer_to
from tests.support.site import Site

MAKE = """
import json
from reviews.people.actions import create_token
from reviews.people.models import Account
from reviews.workspaces.actions import grant
from reviews.workspaces.models import Role, Workspace
demo, made = Workspace.objects.get(slug="demo"), {}
for name in NAMES:
    person = Account.objects.create_user(name, title=name.title())
    grant(demo, person, Role.REVIEWER, by=None)
    made[name] = create_token(person, demo, ["*"], by=None)[1]
print(json.dumps(made))
"""


def make_reviewers(site: Site, count: int) -> dict[str, str]:
    """New persons who review in the demo workspace: name → token."""
    batch = uuid.uuid4().hex[:6]
    names = [f"reviewer-{batch}-{number}" for number in range(count)]
    made: dict[str, str] = json.loads(site.manage("shell", "-c", f"NAMES = {names!r}\n{MAKE}"))
    return made


@dataclass(frozen=True)
class Sent:
    """One answer of the crowd's, and how long it took in seconds."""

    name: str
    response: httpx.Response
    seconds: float


def all_decide(web: str, tokens: dict[str, str], question: Json) -> list[Sent]:
    """Everybody approves the question at once, each under a key of their own."""
    return asyncio.run(_all_decide(web, list(tokens.items()), question, None))


def all_decide_alike(web: str, token: str, question: Json, key: str, count: int) -> list[Sent]:
    """One person's request, sent ``count`` times at once."""
    return asyncio.run(_all_decide(web, [(str(number), token) for number in range(count)], question, key))


def hang_up(web: str, token: str, question: Json, keys: list[str], within: float) -> None:
    """Send a decision under each key and leave before the answer is there, up to ``within`` seconds later."""
    asyncio.run(_hang_up(web, token, question, keys, within))


async def _hang_up(web: str, token: str, question: Json, keys: list[str], within: float) -> None:
    address = httpx.URL(web)
    body = json.dumps(answer_to(question))

    async def leave(key: str, seconds: float) -> None:
        _, writer = await asyncio.open_connection(address.host, address.port)
        lines = [
            f"POST /api/v1/escalations/{question['id']}/decisions HTTP/1.1",
            f"Host: {address.netloc.decode()}",
            f"Authorization: Bearer {token}",
            f"Idempotency-Key: {key}",
            f"Content-Length: {len(body)}",
        ]
        writer.write("\r\n".join([*lines, "", body]).encode())
        await writer.drain()
        await asyncio.sleep(seconds)
        writer.transport.abort()

    await asyncio.gather(*(leave(key, within * number / len(keys)) for number, key in enumerate(keys)))


async def _all_decide(
    web: str, tokens: Iterable[tuple[str, str]], question: Json, key: str | None
) -> list[Sent]:
    address = f"{web}/api/v1/escalations/{question['id']}/decisions"
    body = answer_to(question)

    async def decide(name: str, token: str) -> Sent:
        began = asyncio.get_running_loop().time()
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key or str(uuid.uuid4())}
        response = await client.post(address, json=body, headers=headers)
        return Sent(name, response, asyncio.get_running_loop().time() - began)

    async with httpx.AsyncClient(timeout=60, limits=httpx.Limits(max_connections=None)) as client:
        return await asyncio.gather(*(decide(name, token) for name, token in tokens))
