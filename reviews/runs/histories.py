"""Reading histories where they lie: only the chunks that are needed, and no more than one request may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.db import close_old_connections
from django.db.models import Q, QuerySet

from reviews.runs.engine import EventFilter, EventInFull, EventLine, engine
from reviews.runs.models import HistoryChunk, Run
from reviews.workspaces.access import NotFound

MOST_SEARCHED = 20_000
"""Events that one request looks through for what fits a filter."""
MOST_APART = 5_000
"""How many events behind its beginning the rest of a group is looked for."""


@dataclass
class EventPage:
    """``next`` is the last id that was looked at, where there is more behind it; None at the end of the history.

    ``cut_short``: the search stopped there because it had looked through enough.
    """

    lines: list[EventLine] = field(default_factory=list)
    next: int | None = None
    cut_short: bool = False


def event_lines(
    run: Run,
    wanted: EventFilter | None = None,
    *,
    newest_first: bool = False,
    beyond: int | None = None,
    limit: int = 100,
) -> EventPage:
    """The next ``limit`` events that fit, in this direction, beyond an id that is not among them."""
    wanted = wanted or EventFilter()
    page, searched = EventPage(), 0
    for chunk in _chunks(run, newest_first, beyond).iterator(chunk_size=2):
        for line in engine().lines(bytes(chunk.data), wanted, newest_first=newest_first):
            if beyond is not None and (line.id >= beyond if newest_first else line.id <= beyond):
                continue
            if len(page.lines) == limit:
                page.next = page.lines[-1].id
                return page
            page.lines.append(line)
        searched += chunk.last_event - chunk.first_event + 1
        edge = chunk.first_event if newest_first else chunk.last_event
        if searched >= MOST_SEARCHED and _goes_on(run, edge, newest_first):
            page.next, page.cut_short = edge, True
            return page
    return page


def _chunks(run: Run, newest_first: bool, beyond: int | None) -> QuerySet[HistoryChunk]:
    chunks = HistoryChunk.objects.filter(run=run)
    if newest_first:
        chunks = chunks if beyond is None else chunks.filter(first_event__lt=beyond)
        return chunks.order_by("-first_event")
    return chunks.filter(last_event__gt=beyond or 0).order_by("first_event")


def _goes_on(run: Run, edge: int, newest_first: bool) -> bool:
    return edge > 1 if newest_first else edge < run.last_event_id


def event_in_full(run: Run, id: int) -> EventInFull:
    """Raises :class:`NotFound`."""
    chunk = HistoryChunk.objects.filter(run=run, first_event__lte=id, last_event__gte=id).first()
    found = engine().event(bytes(chunk.data), id) if chunk else None
    if found is None:
        raise NotFound
    return found


def first_and_last(run: Run, *types: str) -> dict[str, EventInFull | None]:
    """The first event, under ``first``, and the last one of each type, as far as they stand in the last chunk."""
    ends = HistoryChunk.objects.filter(run=run).filter(Q(first_event=1) | Q(last_event=run.last_event_id))
    chunks = [bytes(chunk.data) for chunk in ends.order_by("first_event")]
    found: dict[str, EventInFull | None] = {"first": engine().event(chunks[0], 1) if chunks else None}
    for type in types:
        wanted = EventFilter(types=frozenset({type}))
        lines = (line for chunk in chunks[-1:] for line in engine().lines(chunk, wanted, newest_first=True))
        line = next(lines, None)
        found[type] = engine().event(chunks[-1], line.id) if line else None
    return found


def first_of(run: Run, type: str) -> EventInFull | None:
    """The first event of a type, as far as it stands in the first chunk."""
    chunk = HistoryChunk.objects.filter(run=run, first_event=1).first()
    if chunk is None:
        return None
    data = bytes(chunk.data)
    line = next(iter(engine().lines(data, EventFilter(types=frozenset({type})), newest_first=False)), None)
    return engine().event(data, line.id) if line else None


def group_of(run: Run, event: EventInFull) -> list[EventLine]:
    """What belongs together with an event, in order: it was scheduled, started, completed."""
    near = HistoryChunk.objects.filter(
        run=run, last_event__gte=event.group, first_event__lte=event.group + MOST_APART
    )
    lines: list[EventLine] = []
    for chunk in near.order_by("first_event").iterator(chunk_size=2):
        lines += engine().group(bytes(chunk.data), event.group)
        if len(lines) >= 3 and lines[-1].id > event.line.id:
            break
    return lines


def history_file(run: Run) -> Iterator[str]:
    """The history as ``temporal workflow show --output json`` writes it, in pieces of a chunk."""
    yield '{"events":['
    last, between = 0, ""
    # The mirror adds to the last chunk while this one is read.
    while chunk := HistoryChunk.objects.filter(run=run, last_event__gt=last).order_by("first_event").first():
        yield between + ",\n".join(engine().history_json(bytes(chunk.data), after=last))
        last, between = chunk.last_event, ",\n"
    yield "]}\n"


async def history_file_streamed(run: Run) -> AsyncIterator[str]:
    """The same for a server that must not block. A slow reader holds no connection of the pool between two pieces."""
    pieces = history_file(run)

    def following() -> str:
        try:
            return next(pieces, "")
        finally:
            close_old_connections()

    while piece := await sync_to_async(following)():
        yield piece


def file_name(run: Run) -> str:
    """Of the file, without the characters that a header cannot or must not carry."""
    name = "".join(
        character if character.isprintable() and character not in '/\\"' else "_"
        for character in run.workflow_id
    )
    return f"{name[:150]}_events.json"
