"""The archive: a run's history as Temporal sent it, in a few large pieces however it dripped in."""

from __future__ import annotations

import zstandard

from reviews.runs.models import HistoryChunk, Run

EVENTS = 500
"""A chunk takes no more events once it has so many; one batch may bring more."""
STORED = 128 * 1024
"""Nor once it has so many bytes, compressed: each addition writes the chunk anew."""
LEVEL = 3


def compressed(raw: bytes) -> bytes:
    # A compressor of its own each time: threads that share one crash the process.
    return zstandard.ZstdCompressor(LEVEL).compress(raw)


def raw_of(chunk: bytes | memoryview) -> bytes:
    """The protobuf ``History`` in it."""
    return zstandard.ZstdDecompressor().decompress(bytes(chunk))


def keep(run: Run, first_event: int, last_event: int, data: bytes) -> None:
    """Append events to the archive. ``run`` is locked by the caller, ``data`` is a compressed ``History``."""
    last = HistoryChunk.objects.filter(run=run, last_event=first_event - 1).order_by("-first_event").first()
    if last is None or _is_full(last, last_event):
        HistoryChunk.objects.create(run=run, first_event=first_event, last_event=last_event, data=data)
        return
    # Protobuf messages that only repeat a field are joined by writing one behind the other.
    last.data = compressed(raw_of(last.data) + raw_of(data))
    last.last_event = last_event
    last.save(update_fields=["data", "last_event"])


def _is_full(chunk: HistoryChunk, last_event: int) -> bool:
    return last_event - chunk.first_event >= EVENTS or len(chunk.data) > STORED
