"""Keyset pages, newest first, and counts that stay cheap however long the list is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from django.db.models import Model, Q, QuerySet

T = TypeVar("T", bound=Model)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_COUNTED = 1000


@dataclass(frozen=True)
class KeysetPage(Generic[T]):
    """``next`` is the cursor of the page of older rows; None on the last page."""

    items: list[T]
    next: str | None


def keyset_page(
    rows: QuerySet[T], before: str, *, by: str, size: int, apart: Sequence[Q] = ()
) -> KeysetPage[T]:
    """The ``size`` newest rows by the time ``by`` and id, older than the cursor ``before`` (empty: from the top).

    ``apart`` are conditions of which each row fulfils just one, such as one for each workspace. An index that begins
    with the workspace has no order across several: PostgreSQL would sort all that fit. So the head of each is read
    by itself, and only these are sorted.
    """
    rows = rows.order_by(f"-{by}", "-id")
    if (cursor := _read(before)) is not None:
        at, id = cursor
        # A range on the index, then its first rows skipped: PostgreSQL makes nothing of `a < x OR (a = x AND …)`.
        rows = rows.filter(**{f"{by}__lte": at}).exclude(**{by: at, "id__gte": id})
    if len(apart) > 1:
        first, *others = (rows.filter(part).values("id")[: size + 1] for part in apart)
        rows = rows.filter(id__in=first.union(*others, all=True))
    items = list(rows[: size + 1])
    return KeysetPage(items[:size], cursor_of(items[size - 1], by) if len(items) > size else None)


def cursor_of(row: Model, by: str) -> str:
    """Microseconds since 1970 and the id: ``1700000000000000.1f6e…``."""
    microseconds = (getattr(row, by) - EPOCH) // timedelta(microseconds=1)
    return f"{microseconds}.{uuid.UUID(str(row.pk)).hex}"


def _read(cursor: str) -> tuple[datetime, uuid.UUID] | None:
    try:
        microseconds, id = cursor.split(".")
        return EPOCH + timedelta(microseconds=int(microseconds)), uuid.UUID(id)
    except (ValueError, OverflowError):
        return None


def capped_count(rows: QuerySet[T]) -> int:
    """How many, at most one more than :data:`MOST_COUNTED`."""
    return rows.order_by()[: MOST_COUNTED + 1].count()


def count_in_words(count: int) -> str:
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)
