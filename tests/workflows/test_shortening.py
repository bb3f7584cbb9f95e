"""Leaving out: less each time, the same each time, and nothing that is not shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest

from workflows.shortening import LEAST, MARK, MOST_SHOWN, Shorten, _shown, cut, of_text, of_texts

Value = TypeVar("Value")


def words(length: int) -> str:
    return " ".join(map(str, range(length)))[:length]


@pytest.mark.parametrize("length", [0, 1, 50, 299, 501, 5_000, 20_000])
def test_a_cut_is_no_longer_than_it_may_be_and_says_what_it_lost(length: int) -> None:
    text = words(length)
    kept, left_out = cut(text, length // 2)
    assert len(kept) <= length // 2
    head, mark, tail = kept.partition(f"\n[… {len(left_out):,} characters left out …]\n")
    assert head + left_out + tail == text
    assert bool(mark) == (length // 2 >= 4 * MARK), "of a short one the beginning alone is kept"


def test_what_fits_is_left_as_it_is() -> None:
    assert cut("All of it.", 10) == ("All of it.", "")


def test_a_text_halves_until_it_is_hardly_one() -> None:
    sizes = sizes_of(of_text("task"), words(20_000), len)
    assert len(sizes) >= 6 and 0 < sizes[-1] < LEAST
    assert of_text("task")("Write a haiku.") is None


def test_several_halve_until_nothing_is_left_to_leave_out() -> None:
    texts = [words(length) for length in (0, 1, 40, 700, 8_000, 8_000)]
    assert len(sizes_of(of_texts(list("abcdef")), texts, lambda some: sum(map(len, some)))) >= 6
    assert of_texts([])([]) is None


def sizes_of(shorten: Shorten[Value], value: Value, size: Callable[[Value], int]) -> list[int]:
    """Of what is kept, time after time."""
    sizes = [size(value)]
    while (less := shorten(value)) is not None:
        assert less == shorten(value), "the same again"
        value = less.value
        sizes.append(size(value))
    assert all(later <= earlier // 2 for earlier, later in pairwise(sizes))
    return sizes[1:]


def test_of_several_the_short_ones_stay_whole() -> None:
    texts = [words(9_000), "Two words.", words(2_000)]
    less = of_texts(["long", "short", "middling"])(texts)
    assert less is not None
    assert less.value[1:] == texts[1:] and len(less.value[0]) <= 3_495
    assert (less.before, less.proposal["longest_part"]) == (
        {"characters": 11_010, "longest_part": 9_000},
        3_495,
    )
    assert less.says == f"{less.proposal['characters']:,} of 11,010 characters, of each part at most 3,495"
    assert less.left_out == f"long\n{cut(texts[0], 3_495)[1]}"


def test_what_is_left_out_is_shown_up_to_a_bound() -> None:
    assert _shown("a" * MOST_SHOWN) == "a" * MOST_SHOWN
    assert _shown("a" * (MOST_SHOWN + 7)).endswith("a\n[… 7 more characters]")
