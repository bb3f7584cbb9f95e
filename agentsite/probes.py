"""Readiness over HTTP with nothing but the standard library."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit


async def get(url: str, timeout: float = 5.0) -> tuple[int, bytes]:
    """GET without following redirects: status and body. Status 0 when there is no answer."""
    try:
        async with asyncio.timeout(timeout):
            return await _get(url)
    except (OSError, TimeoutError, ValueError, IndexError):
        return 0, b""


async def answers(url: str) -> bool:
    """Whether a GET is answered with 200."""
    status, _ = await get(url)
    return status == 200


async def get_json(url: str) -> Any:
    """The JSON body of a GET, whatever its status; None when it is no JSON."""
    _, body = await get(url)
    try:
        return json.loads(body)
    except ValueError:
        return None


async def polls(namespace_url: str, queues: Sequence[str], pid: int) -> bool:
    """Whether the worker with this process id polls each queue, by Temporal's HTTP API."""
    for queue in queues:
        kind = "taskQueueType=TASK_QUEUE_TYPE_ACTIVITY"
        described = await get_json(f"{namespace_url}/task-queues/{queue}?{kind}") or {}
        # The SDK and ours name a worker in their own way, but both by its process id.
        if not any(re.search(rf"\b{pid}\b", poller["identity"]) for poller in described.get("pollers", ())):
            return False
    return True


async def _get(url: str) -> tuple[int, bytes]:
    """HTTP/1.0: the body ends with the connection."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        writer.write(f"GET {path} HTTP/1.0\r\nHost: {parts.netloc}\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1]), body
    finally:
        writer.close()
