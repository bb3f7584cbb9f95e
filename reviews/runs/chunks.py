"""The archive: a run's history as Temporal sent it, in a few large pieces however it dripped in."""

from __future__ import annotations

from typing import NamedTuple

import zstandard

from reviews.runs.models import HistoryChunk, Run

EVENTS = 500
"""At most so many events in a chunk."""
STORED = 128 * 1024
"""Bytes, compressed, beyond which a chunk is not added to: each addition writes it anew."""
LEVEL = 3


class Chunk(NamedTuple):
    """Events ``first_event`` to ``last_event``; ``data`` is a compressed ``History``."""

    first_event: int
    last_event: int
    data: bytes


def compressed(raw: bytes) -> bytes:
    # A compressor of its own each time: threads that share one crash the process.
    return zstandard.ZstdCompressor(LEVEL).compress(raw)


def raw_of(chunk: bytes | memoryview) -> bytes:
    """The protobuf ``History`` in it."""
    return zstandard.ZstdDecompressor().decompress(bytes(chunk))


def keep(run: Run, chunk: Chunk) -> None:
    """Append to the archive. ``run`` is locked by the caller."""
    last = HistoryChunk.objects.filter(run=run, last_event=chunk.first_event - 1).first()
    if last is None or _is_full(last, chunk):
        HistoryChunk.objects.create(
            run=run, first_event=chunk.first_event, last_event=chunk.last_event, data=chunk.data
        )
        return
    # Protobuf messages that only repeat a field are joined by writing one behind the other.
    last.data = compressed(raw_of(last.data) + raw_of(chunk.data))
    last.last_event = chunk.last_event
    last.save(update_fields=["data", "last_event"])


def _is_full(last: HistoryChunk, chunk: Chunk) -> bool:
    return chunk.last_event - last.first_event >= EVENTS or len(last.data) + len(chunk.data) > STORED
