"""The rate of each model, counted for all workers in one row: a generic cell rate algorithm.

Slots are given out evenly, one after another: a model that takes 600 requests a minute gets one each 100 ms, since
many providers count by the second. Nothing is locked while somebody waits for a slot.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from django.conf import settings
from django.db import connection

from reviews.runs import by_model
from reviews.runs.by_model import Figures

NAMES = ("requests_per_minute", "tokens_per_minute")
MINUTE = 60.0

_FREE = "greatest(clock_timestamp(), rate.requests_at, rate.tokens_at, rate.held_until)"
_RESERVE = f"""
    INSERT INTO reviews_modelrate AS rate (model, requests_at, tokens_at)
    VALUES (%(model)s, clock_timestamp() + %(request)s * interval '1 s', clock_timestamp() + %(tokens)s * interval '1 s')
    ON CONFLICT (model) DO UPDATE SET requests_at = {_FREE} + %(request)s * interval '1 s', tokens_at = {_FREE} + %(tokens)s * interval '1 s'
    RETURNING extract(epoch FROM requests_at - %(request)s * interval '1 s' - clock_timestamp())::float8,
              extract(epoch FROM held_until - clock_timestamp())::float8
"""  # noqa: S608 (our own words)
_CORRECT = "UPDATE reviews_modelrate SET tokens_at = tokens_at + %s * interval '1 s' WHERE model = %s"
_HOLD = """
    INSERT INTO reviews_modelrate AS rate (model, held_until) VALUES (%s, clock_timestamp() + %s * interval '1 s')
    ON CONFLICT (model) DO UPDATE SET held_until = greatest(rate.held_until, excluded.held_until)
"""
_HELD = "SELECT extract(epoch FROM held_until - clock_timestamp())::float8 FROM reviews_modelrate WHERE model = %s"


def limits_of(model: str) -> tuple[str, Figures]:
    """The key under which the model is counted, and its limits a minute; none where none are set.

    Raises ``ImproperlyConfigured`` when ``MODEL_LIMITS`` cannot be read.
    """
    found = by_model.of(_table(settings.MODEL_LIMITS), model)
    return (found[0][:200], found[1] or {}) if found else (model[:200], {})


@lru_cache(maxsize=8)
def _table(given: str) -> dict[str, Figures | None]:
    return by_model.read(given, NAMES, "MODEL_LIMITS")


def reserve(key: str, tokens: int, limits: Figures) -> tuple[float, float]:
    """Seconds until the next slot, and until the end of a hold; either may be past."""
    spans: dict[str, str | float] = {
        "model": key,
        "request": _span(1, limits.get("requests_per_minute")),
        "tokens": _span(tokens, limits.get("tokens_per_minute")),
    }
    with connection.cursor() as cursor:
        cursor.execute(_RESERVE, spans)
        slot, held = cursor.fetchone()
    return slot, held


def correct(key: str, tokens: int, limits: Figures) -> None:
    """It took so many tokens more (or fewer) than were reserved."""
    with connection.cursor() as cursor:
        cursor.execute(_CORRECT, [_span(tokens, limits.get("tokens_per_minute")), key])


def hold(key: str, seconds: float) -> None:
    """Nobody asks the model for so long."""
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [key, seconds])


def held_for(key: str) -> float:
    """Seconds until the end of a hold; 0 or less where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [key])
        row = cursor.fetchone()
    return float(row[0]) if row else 0.0


def _span(count: int, a_minute: Decimal | None) -> float:
    """Seconds that so many take; none where they are not limited (0 counts as that)."""
    return count * MINUTE / float(a_minute) if a_minute else 0.0
