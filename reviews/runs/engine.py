"""The port to Temporal: what the product may ask the engine. ``workflows/engine`` implements it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from reviews.runs.mirroring import HistorySeen


class EngineUnavailable(Exception):
    """Temporal did not answer in time; the message is for people."""


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

    def events(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The events of one stored history chunk: ``id, time, type, attributes``, payloads decoded."""

    def lines(self, chunk: bytes, wanted: EventFilter, *, newest_first: bool) -> Iterator[EventLine]:
        """The chunk's events that fit, each in one line. Text is looked for in the bytes as Temporal holds them."""

    def event(self, chunk: bytes, id: int) -> EventInFull | None:
        """One event of the chunk."""

    def group(self, chunk: bytes, began: int) -> list[EventLine]:
        """Those events of the chunk that belong to what the event ``began`` began, itself among them."""

    def history_json(self, chunk: bytes) -> Iterator[str]:
        """Each event as ``temporal workflow show --output json`` writes it."""

    def take_in(self, file: IO[bytes], project: Projection) -> Iterator[HistorySeen]:
        """The batches of a history file as Temporal's tools write it. Raises :class:`BadHistory`."""

    def event_types(self) -> list[tuple[Category, str]]:
        """Every type of event that is known, by category."""


class Projection(Protocol):
    def __call__(self, events: Sequence[Any], *, already: int) -> HistorySeen | None:
        """What events say, as the mirror reads them."""


@cache
def engine() -> Engine:
    """The engine that ``settings.ENGINE`` names, one for the process."""
    return cast(Engine, import_string(settings.ENGINE)())


def projection() -> Projection:
    """The mirror's own reading of events, which ``settings.PROJECTION`` names."""
    return cast(Projection, import_string(settings.PROJECTION))
