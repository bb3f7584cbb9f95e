"""Connections around activities: a worker has no request cycle that would give them back."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import connections

P = ParamSpec("P")
R = TypeVar("R")


def with_database(function: Callable[P, R]) -> Callable[P, R]:
    """Give the thread's connections back to the pool when ``function`` ends."""

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return wrapped
