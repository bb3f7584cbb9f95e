"""The port to Temporal: what the product may ask the engine. ``workflows/engine`` implements it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string


class EngineUnavailable(Exception):
    """Temporal did not answer in time; the message is for people."""


class Engine(Protocol):
    def check(self) -> None:
        """Return when Temporal answers within 2 s. Raises :class:`EngineUnavailable`."""

    def describe(self, namespace: str, workflow_id: str, run_id: str | None) -> dict[str, Any]:
        """Temporal's own description of an execution, as JSON. Raises :class:`EngineUnavailable`."""

    def events(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The events of one stored history chunk: ``id, time, type, attributes``, payloads decoded."""


@cache
def engine() -> Engine:
    """The engine that ``settings.ENGINE`` names, one for the process."""
    return cast(Engine, import_string(settings.ENGINE)())
