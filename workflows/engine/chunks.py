"""Reading stored history chunks: the events that fit, one event in full, and what belongs together."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import zstandard
from google.protobuf.json_format import MessageToDict
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.runs.engine import EventFilter, EventInFull, EventLine
from reviews.runs.text import clean
from workflows.engine.decoding import event_json, text_of
from workflows.engine.lines import category_of, line, type_of

_GROUPED_BY = ("scheduled_event_id", "initiated_event_id", "accepted_event_id")


def raw_of(chunk: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompress(chunk)


def history_of(chunk: bytes) -> History:
    return History.FromString(raw_of(chunk))


def lines(chunk: bytes, wanted: EventFilter, *, newest_first: bool) -> Iterator[EventLine]:
    """Those that fit. A chunk whose bytes do not hold the text is not even parsed."""
    raw = raw_of(chunk)
    looked_for = _Text(wanted.text)
    if wanted.text and not looked_for.types and not looked_for.is_in(raw):
        return
    history = History.FromString(raw)
    events = reversed(history.events) if newest_first else history.events
    for event in events:
        if _fits(event, wanted) and (not wanted.text or looked_for.fits(event)):
            yield line(event, history)


def event(chunk: bytes, id: int) -> EventInFull | None:
    history = history_of(chunk)
    found = next((event for event in history.events if event.event_id == id), None)
    return _in_full(found, history) if found is not None else None


def group(chunk: bytes, began: int) -> list[EventLine]:
    history = history_of(chunk)
    return [line(event, history) for event in history.events if _group_of(event) == began]


def _fits(event: HistoryEvent, wanted: EventFilter) -> bool:
    if not wanted.types and not wanted.categories:
        return True
    type = type_of(event.event_type)
    return type in wanted.types or category_of(type) in wanted.categories


class _Text:
    """What to look for in bytes, whatever the case of its ASCII letters; also as JSON writes it."""

    def __init__(self, text: str) -> None:
        escaped = json.dumps(text)[1:-1].encode()
        self._forms = {text.encode("utf-8", "replace").lower(), escaped.lower()}
        self.types = {
            number for number in EventType.values() if text and text.lower() in type_of(number).lower()
        }

    def is_in(self, data: bytes) -> bool:
        lowered = data.lower()
        return any(form in lowered for form in self._forms)

    def fits(self, event: HistoryEvent) -> bool:
        return event.event_type in self.types or self.is_in(event.SerializeToString())


def _in_full(event: HistoryEvent, history: History) -> EventInFull:
    kind = event.WhichOneof("attributes")
    decided_in = getattr(getattr(event, kind), "workflow_task_completed_event_id", 0) if kind else 0
    return EventInFull(
        line=line(event, history),
        attributes=event_json(event)["attributes"],
        summary=text_of(event.user_metadata.summary),
        details=text_of(event.user_metadata.details),
        group=_group_of(event),
        decided_in=decided_in or None,
        aside=_aside(event, is_known=kind is not None),
    )


def _group_of(event: HistoryEvent) -> int:
    kind = event.WhichOneof("attributes")
    if kind is None:
        return event.event_id
    attributes: Any = getattr(event, kind)
    for name in _GROUPED_BY:
        if id := getattr(attributes, name, 0):
            return int(id)
    if kind in ("timer_fired_event_attributes", "timer_canceled_event_attributes"):
        return int(attributes.started_event_id)
    return event.event_id


def _aside(event: HistoryEvent, *, is_known: bool) -> dict[str, Any]:
    bare = HistoryEvent(
        version=event.version, task_id=event.task_id, worker_may_ignore=event.worker_may_ignore
    )
    bare.links.extend(event.links)
    if event.HasField("principal"):
        bare.principal.CopyFrom(event.principal)
    said: dict[str, Any] = MessageToDict(bare, preserving_proto_field_name=True)
    if not is_known:
        said["raw"] = base64.b64encode(event.SerializeToString()).decode()
    return dict(clean(said))
