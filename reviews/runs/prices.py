"""What a model call costs, in US dollars, by a table that ``MODEL_PRICES`` changes."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from django.conf import settings

from reviews.runs import by_model

MILLION = 1_000_000
NAMES = ("in", "out", "cached")
"""Dollars for a million tokens. Tokens in that were cached cost ``cached``, or as much as others where none is said."""

EXAMPLE = """{
    "gpt-4.1": {"in": 2.00, "cached": 0.50, "out": 8.00},
    "gpt-4.1-mini": {"in": 0.40, "cached": 0.10, "out": 1.60},
    "gpt-4.1-nano": {"in": 0.10, "cached": 0.025, "out": 0.40},
    "gpt-4o-mini": {"in": 0.15, "cached": 0.075, "out": 0.60},
    "gpt-4o-mini-audio": null, "gpt-4o-mini-realtime": null, "gpt-4o-mini-search": null
}"""
"""OpenAI's list prices in 2025, so that something is shown. Say your own: prices change, and discounts differ."""


def cost_of(
    model: str, *, demo: bool, tokens_in: int | None, tokens_out: int | None, tokens_cached: int | None
) -> Decimal | None:
    """None where no price, or no count of tokens, is known. The demo model costs nothing, and says so."""
    if tokens_in is None and tokens_out is None:
        return None
    if demo:
        return Decimal(0)
    found = by_model.of(prices(), model)
    if found is None or found[1] is None:
        return None
    price = found[1]
    cached = min(tokens_cached or 0, tokens_in or 0)
    whole = price.get("in", Decimal(0))
    dollars = (
        ((tokens_in or 0) - cached) * whole
        + cached * price.get("cached", whole)
        + (tokens_out or 0) * price.get("out", Decimal(0))
    )
    return dollars / MILLION


def prices() -> dict[str, by_model.Figures | None]:
    """Raises ``ImproperlyConfigured`` when ``MODEL_PRICES`` cannot be read."""
    return _table(settings.MODEL_PRICES)


@lru_cache(maxsize=8)
def _table(given: str) -> dict[str, by_model.Figures | None]:
    """What is given comes before the example, model by model."""
    return by_model.read(EXAMPLE, NAMES, "the example") | by_model.read(given, NAMES, "MODEL_PRICES")
