"""History files as Temporal's own tools write and read them: ``{"events": [...]}`` in protojson."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Sequence
from typing import IO, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.json_format import ParseError as NotOfThisShape
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History, HistoryEvent
from temporalio.client import WorkflowHistory

from reviews.runs.engine import BadHistory
from reviews.runs.ingesting import HistorySeen
from workflows.engine.projection import project

BATCH, BATCH_BYTES = 500, 1_000_000
PIECE = 256 * 1024
_WHITE = " \t\r\n"
_decoder = json.JSONDecoder()


def history_json(history: History, *, after: int) -> Iterator[str]:
    for event in history.events:
        if event.event_id > after:
            yield json.dumps(MessageToDict(event), ensure_ascii=False)


def take_in(file: IO[bytes]) -> Iterator[HistorySeen]:
    """In batches of the size that the mirror stores. Raises :class:`BadHistory`."""
    batch: list[HistoryEvent] = []
    size = 0
    for number, event in enumerate(_events(file), 1):
        _check(event, number)
        batch.append(event)
        size += event.ByteSize()
        if len(batch) == BATCH or size > BATCH_BYTES:
            yield _projected(batch)
            batch, size = [], 0
    if batch:
        yield _projected(batch)


def _projected(batch: Sequence[HistoryEvent]) -> HistorySeen:
    first, last = batch[0].event_id, batch[-1].event_id
    try:
        seen = project(batch, already=first - 1)
    except (ValueError, OverflowError) as error:
        raise BadHistory(f"Events {first} to {last} hold a time that is none: {error}") from error
    assert seen is not None
    return seen


def _events(file: IO[bytes]) -> Iterator[HistoryEvent]:
    for place, value in enumerate(_elements(_Text(file)), 1):
        if not isinstance(value, dict):
            raise BadHistory(f"Entry {place} of “events” is no object.")
        try:
            yield WorkflowHistory.from_json("", {"events": [value]}).events[0]
        # A file may hold anything where an object of a certain shape is looked for.
        except (NotOfThisShape, ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
            raise BadHistory(f"Entry {place} of “events” is no event of Temporal: {_short(error)}") from error


def _check(event: HistoryEvent, number: int) -> None:
    """The mirror takes histories that are whole: from 1 on, none left out."""
    started = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED
    if event.event_id != number:
        raise BadHistory(f"Event {number} is missing: in its place stands {event.event_id}.")
    if (event.event_type == started) != (number == 1):
        raise BadHistory("A history begins with WorkflowExecutionStarted, once.")
    if not event.event_type:
        raise BadHistory(f"Event {number} has no type that is known, or none.")


def _short(error: Exception) -> str:
    words = str(error)
    return words if len(words) < 200 else words[:199] + "…"


class _Text:
    """The file's text from a place on, read in pieces as far as it is looked at."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")()
        self.text, self.place, self.ended = "", 0, False

    def read_more(self, size: int = PIECE) -> None:
        piece = self._file.read(size)
        self.ended = not piece
        try:
            self.text = self.text[self.place :] + self._decode.decode(piece, final=self.ended)
        except UnicodeDecodeError as error:
            raise BadHistory("The file is no text in UTF-8.") from error
        self.place = 0

    def peek(self) -> str:
        """The next character that says something; empty at the end."""
        while True:
            while self.place < len(self.text) and self.text[self.place] in _WHITE:
                self.place += 1
            if self.place < len(self.text) or self.ended:
                return self.text[self.place : self.place + 1]
            self.read_more()

    def expect(self, wanted: str) -> None:
        if (found := self.peek()) not in wanted or not found:
            raise BadHistory(f"The file is no JSON of a history: “{wanted[0]}” was expected, not “{found}”.")
        self.place += 1

    def value(self) -> Any:
        """The JSON value that stands here. A value that the pieces so far do not hold whole makes the next larger."""
        self.peek()
        while True:
            try:
                value, end = _decoder.raw_decode(self.text, self.place)
            except RecursionError as error:
                raise BadHistory("The file is nested too deeply.") from error
            except ValueError as error:
                if self.ended:
                    raise BadHistory(f"The file is no JSON of a history: {_short(error)}") from error
            else:
                if end < len(self.text) or self.ended:  # a number may go on in the next piece
                    self.place = end
                    return value
            self.read_more(max(PIECE, len(self.text) - self.place))


def _elements(text: _Text) -> Iterator[Any]:
    """What the list under “events” holds, one by one; other members of the object are passed over."""
    found = False
    text.expect("{")
    while True:
        if text.peek() == "}":
            break
        name = text.value()
        text.expect(":")
        if name == "events":
            found = True
            yield from _list(text)
        else:
            text.value()
        if text.peek() != ",":
            break
        text.expect(",")
    text.expect("}")
    if text.peek():
        raise BadHistory("Behind the history the file goes on with something else.")
    if not found:
        raise BadHistory(
            "The file has no “events”: it is no history as `temporal workflow show --output json` writes it."
        )


def _list(text: _Text) -> Iterator[Any]:
    text.expect("[")
    if text.peek() == "]":
        text.expect("]")
        return
    while True:
        yield text.value()
        if text.peek() != ",":
            break
        text.expect(",")
    text.expect("]")
