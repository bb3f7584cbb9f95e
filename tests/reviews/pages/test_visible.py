"""Text from outside, shown so that nothing in it hides."""

from __future__ import annotations

import pytest

from reviews.pages.visible import visible


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",
        "\u200b",
        "\u2066",
        "\ufeff",
        "\u00ad",
        "\x1b",
        "\x07",
        "\u3164",
        "\U000e0041",
        "\u2028",
        "\U000e0100",
    ],
)
def test_hidden_characters_are_named(hidden: str) -> None:
    shown = visible(f"a{hidden}b")
    assert hidden not in shown
    assert f"U+{ord(hidden):04X}" in shown


@pytest.mark.parametrize("plain", ["Zoë", "日本語", "سلام", "a\tb\nc", "👍🏽", "é", "❤️"])
def test_people_write_all_kinds_of_letters(plain: str) -> None:
    assert visible(plain) == plain


def test_markup_is_escaped_with_and_without_hidden_characters() -> None:
    assert visible("<b>") == "&lt;b&gt;"
    assert "<i>" not in visible("<i>\u202e<i>")


def test_line_ends_of_windows_are_line_ends() -> None:
    assert visible("a\r\nb") == "a\nb"


def test_a_long_run_is_one_mark() -> None:
    shown = visible("\u200b" * 100_000)
    assert shown.count("<b ") == 1
    assert "and 99,992 more" in shown
