"""The port to Temporal: what the product may ask the engine. ``workflows/engine`` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from reviews.runs.now import Interface, ResetPoint, RunNow


class EngineUnavailable(Exception):
    """Temporal, or the worker that should answer, did not do so in time; the message is for people."""


class QueryFailed(Exception):
    """The workflow has no such query, or could not answer it; the message is for people."""


class Engine(Protocol):
    def check(self) -> None:
        """Return when Temporal answers within 2 s. Raises :class:`EngineUnavailable`."""

    def describe(self, namespace: str, workflow_id: str, run_id: str | None) -> dict[str, Any]:
        """Temporal's own description of an execution, as JSON. Raises :class:`EngineUnavailable`."""

    def now(self, namespace: str, workflow_id: str, run_id: str | None) -> RunNow:
        """What is pending in an execution and who polls for it. Raises :class:`EngineUnavailable`."""

    def interface(self, namespace: str, workflow_id: str, run_id: str | None) -> Interface:
        """What the workflow says of itself; a worker has to be there. Raises :class:`EngineUnavailable` and
        :class:`QueryFailed` (an older SDK does not know the question)."""

    def query(
        self, namespace: str, workflow_id: str, run_id: str | None, name: str, arguments: Sequence[Any]
    ) -> Any:
        """The workflow's answer, within 5 s. Raises :class:`EngineUnavailable` and :class:`QueryFailed`."""

    def stack_trace(self, namespace: str, workflow_id: str, run_id: str | None) -> str:
        """Where the workflow's code stands. Raises as :meth:`query`."""

    def events(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The events of one stored history chunk: ``id, time, type, attributes``, payloads decoded."""

    def reset_points(self, chunks: Iterable[bytes]) -> Iterator[ResetPoint]:
        """Newest first; so are the stored ``chunks``, of which no more are read than needed."""


@cache
def engine() -> Engine:
    """The engine that ``settings.ENGINE`` names, one for the process."""
    return cast(Engine, import_string(settings.ENGINE)())
