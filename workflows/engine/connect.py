"""Connecting to Temporal, by the SDK's own configuration: ``TEMPORAL_*`` variables and profiles."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import Any

from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError

logger = logging.getLogger(__name__)
LONGEST_WAIT = 5.0


def namespace() -> str:
    return str(_configuration().get("namespace") or "default")


async def connect(*, interceptors: list[Interceptor] | None = None, lazy: bool = False) -> Client:
    """One try; a ``lazy`` one is made by the first call, and again by the next while Temporal does not answer.

    Raises ``RuntimeError`` or ``RPCError`` when Temporal does not answer, or has the call raise it.
    """
    return await Client.connect(
        **_configuration(),
        interceptors=interceptors or [],
        identity=f"agentsite-{os.getpid()}",
        lazy=lazy,
    )


async def connect_in_time() -> Client:
    """Try until Temporal answers, saying once that it does not; the wait grows to 5 s."""
    wait = 0.1
    while True:
        try:
            return await connect()
        except (RuntimeError, RPCError) as error:
            if wait < 0.2:
                logger.warning("Waiting for Temporal: %s", error)
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)


def _configuration() -> dict[str, Any]:
    """A configuration file's default profile counts only where a server was named: never somebody's Cloud."""
    if os.environ.get("TEMPORAL_ADDRESS") or os.environ.get("TEMPORAL_PROFILE"):
        return dict(ClientConfig.load_client_connect_config())
    return {"target_host": "127.0.0.1:7233", "namespace": os.environ.get("TEMPORAL_NAMESPACE", "default")}
