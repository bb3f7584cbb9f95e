"""The port to Temporal: what the product may ask the engine. ``workflows/engine`` implements it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from reviews.runs.ingesting import HistorySeen
    from reviews.runs.now import Interface, ResetPoint, RunNow


class EngineUnavailable(Exception):
    """Temporal, or the worker that should answer, did not do so in time; the message is for people."""


class QueryFailed(Exception):
    """The workflow has no such query, or could not answer it; the message is for people."""


class BadHistory(Exception):
    """A file that is no history; the message says to people what is wrong with it."""


class Category(StrEnum):
    """What an event is about."""

    WORKFLOW = "workflow"
    TASK = "task"
    ACTIVITY = "activity"
    TIMER = "timer"
    CHILD = "child"
    SIGNAL = "signal"
    UPDATE = "update"
    NEXUS = "nexus"
    MARKER = "marker"
    ATTRIBUTES = "attributes"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event in one line, read without decoding what it carries. An unknown ``type`` is its number."""

    id: int
    time: datetime
    type: str
    category: Category
    summary: str
    is_bad: bool
    """Something failed, was refused or ran out of time."""


@dataclass(frozen=True)
class EventInFull:
    """One event with its payloads decoded, and how it hangs together with others."""

    line: EventLine
    attributes: dict[str, Any]
    summary: str
    details: str
    group: int
    """Id of the event that began what this one is part of: scheduled, started, completed."""
    decided_in: int | None
    """The workflow task that asked for it."""
    aside: dict[str, Any] = field(default_factory=dict)
    """What else Temporal says of it: links, who caused it, its version; all of it, raw, where the type is unknown."""


@dataclass(frozen=True)
class EventFilter:
    """``types`` and ``categories`` widen each other; ``text`` narrows them. Empty: every event."""

    categories: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    text: str = ""

    def __bool__(self) -> bool:
        return bool(self.categories or self.types or self.text)


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

    def lines(self, chunk: bytes, wanted: EventFilter, *, newest_first: bool) -> Iterator[EventLine]:
        """The chunk's events that fit, each in one line. Text is looked for in the bytes as Temporal holds them."""

    def event(self, chunk: bytes, id: int) -> EventInFull | None:
        """One event of the chunk."""

    def group(self, chunk: bytes, began: int) -> list[EventLine]:
        """Those events of the chunk that belong to what the event ``began`` began, itself among them."""

    def history_json(self, chunk: bytes, *, after: int) -> Iterator[str]:
        """Each event with a greater id than ``after``, as ``temporal workflow show --output json`` writes it."""

    def take_in(self, file: IO[bytes]) -> Iterator[HistorySeen]:
        """The batches of a history file as Temporal's tools write it. Raises :class:`BadHistory`."""

    def event_types(self) -> list[tuple[Category, str]]:
        """Every type of event that is known, by category."""


@cache
def engine() -> Engine:
    """The engine that ``settings.ENGINE`` names, one for the process."""
    return cast(Engine, import_string(settings.ENGINE)())
