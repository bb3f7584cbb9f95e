"""Event streams arrive in pieces, cut anywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai._streaming import SSEDecoder

from workflows.llm.streams import events

LINES = st.sampled_from(["data: {}", "data:1", "data:  a b", ": no", "event: error", "id: 3", "", ""])
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


async def read(pieces: list[bytes]) -> list[str]:
    return [bytes(data).decode() async for data in events(pieces[0], after(pieces[1:]))]


async def after(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@given(st.lists(LINES), ENDS, st.lists(st.integers(0, 200)))
async def test_wherever_a_stream_is_cut_it_says_the_same_as_the_clients_own(
    lines: list[str], end: str, cuts: list[int]
) -> None:
    stream = "".join(f"{line}{end}" for line in lines).encode()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[one:other] for one, other in pairwise(edges)]
    theirs = [event.data async for event in SSEDecoder().aiter_bytes(after(pieces))]
    assert await read(pieces) == [data for data in theirs if data]


@pytest.mark.parametrize(
    ("pieces", "said"),
    [
        ([b"data: a\r", b"\n\r", b"\n"], ["a"]),
        ([b"data: a\r\r"], ["a"]),
        ([b"data: a\r", b"\r"], ["a"]),
        ([b"data: {\r", b'\ndata: "a": 1}\n\n'], ['{\n"a": 1}']),
        ([b"data: a\n\ndata: b\n"], ["a"]),
        ([b"da", b"ta: a", b"\n", b"\n"], ["a"]),
    ],
)
async def test_what_is_cut_in_an_odd_place(pieces: list[bytes], said: list[str]) -> None:
    assert await read(pieces) == said


async def test_a_line_in_many_pieces_takes_no_longer_than_its_length() -> None:
    """Each would otherwise look at all before it: 128 gigabytes here."""
    piece = b"x" * 1000
    assert await read([b"data: ", *[piece] * 16_000, b"\n\n"]) == ["x" * 16_000_000]
