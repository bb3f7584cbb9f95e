"""What a model call costs is known when it is recorded, by a table that the settings change."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from reviews.runs import prices
from reviews.runs.models import Run
from reviews.runs.rates import limits_of
from tests.support.calls import record_call

OURS = (
    '{"ours": {"in": 2, "out": 10, "cached": 0.5}, "ours-large": {"in": 20, "out": 100}, "ours-free": null}'
)


def cost(model: str, tokens_in: int | None = 1_000_000, tokens_out: int = 0, **known: int) -> Decimal | None:
    return prices.cost_of(
        model,
        demo=False,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=known.get("cached"),
    )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("ours", 2),
        ("ours-2026-01-01", 2),
        ("ours-large-2", 20),
        ("ours-free", None),
        ("ours-free-2", None),
        ("ourselves", None),
        ("theirs", None),
        ("gpt-4o-mini", Decimal("0.15")),
        ("gpt-4o-mini-2024-07-18", Decimal("0.15")),
        ("gpt-4o-mini-audio-preview", None),
        ("gpt-4o", None),
        ("", None),
    ],
)
def test_the_longest_beginning_that_ends_with_a_word_counts(
    settings: Settings, model: str, expected: Decimal | None
) -> None:
    settings.MODEL_PRICES = OURS
    assert cost(model) == expected


def test_in_out_and_cached_are_counted_apart(settings: Settings) -> None:
    settings.MODEL_PRICES = OURS
    assert cost("ours", 1_000_000, 100_000, cached=400_000) == Decimal("0.6") * 2 + Decimal("0.4") / 2 + 1
    assert cost("ours-large", 1000, 0, cached=1000) == Decimal("0.02"), (
        "cached costs as much where none is said"
    )
    assert cost("ours", 10, cached=99) == Decimal("0.000005"), "never more cached than there were"
    assert cost("ours", None, 1000) == Decimal("0.01")


def test_a_file_may_say_it(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(OURS)
    settings.MODEL_PRICES = str(file)
    assert cost("ours") == 2


@pytest.mark.parametrize(
    "broken", ["{", "/no/such/file", "[]", '{"a": 5}', '{"a": {"in": "1"}}', '{"a": {"in": -1}}', '{"a": {"inn": 1}}', '{"a": {"in": NaN}}', '{"a": {"in": true}}'],
)  # fmt: skip
def test_a_table_that_cannot_be_read_is_said_by_its_name(settings: Settings, broken: str) -> None:
    settings.MODEL_PRICES = settings.MODEL_LIMITS = broken
    with pytest.raises(ImproperlyConfigured, match="MODEL_PRICES"):
        prices.prices()
    with pytest.raises(ImproperlyConfigured, match="MODEL_LIMITS"):
        limits_of("a")


def test_a_recorded_call_has_its_cost(run: Run) -> None:
    assert record_call(run, tokens_in=1000, tokens_out=500).cost == Decimal("0.00045")
    assert record_call(run, tokens_in=None, tokens_out=None).cost is None
    assert record_call(run, model="unheard-of").cost is None


def test_the_demo_model_costs_nothing(run: Run) -> None:
    assert record_call(run, demo=True).cost == 0
