"""Django's ORM from the bridge's loop: a few threads, connections given back after each call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="database")


async def in_database(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    def call() -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    work = asyncio.get_running_loop().run_in_executor(_threads, call)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait(
            {work}
        )  # a thread cannot be stopped: whoever stops us must not find it writing still
        raise
