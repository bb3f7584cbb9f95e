"""Lists by keyset: newest first, an opaque cursor, no page dearer than the first."""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet
from pydantic import BaseModel, ConfigDict, Field, field_validator

from reviews.api.problems import Problem
from reviews.runs.faults import Fault
from reviews.runs.text import clean

DEFAULT_LIMIT, LARGEST_LIMIT = 50, 500

Row = TypeVar("Row", bound=Model)


class PageQuery(BaseModel):
    """What every list takes. A parameter without a value counts as absent."""

    model_config = ConfigDict(frozen=True)

    cursor: str | None = Field(default=None, description="`next` of the page before.")
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)

    @field_validator("*", mode="before")
    @classmethod
    def _absent(cls, value: Any, info: Any) -> Any:
        if value == "":
            return cls.model_fields[info.field_name].default
        return clean(value)


def newest(rows: QuerySet[Row], time_field: str, query: PageQuery) -> tuple[list[Row], str | None]:
    """One page of ``rows`` by (time, id) descending, and the cursor of the next. Raises :class:`Problem`."""
    if query.cursor is not None:
        at, id = _position(query.cursor)
        # A range on the index, then its first rows skipped: PostgreSQL makes nothing of `a < x OR (a = x AND …)`.
        rows = rows.filter(**{f"{time_field}__lte": at}).exclude(**{time_field: at, "id__gte": id})
    page = list(rows.order_by(F(time_field).desc(), F("id").desc())[: query.limit + 1])
    if len(page) <= query.limit:
        return page, None
    page = page[: query.limit]
    return page, encode([getattr(page[-1], time_field).isoformat(), str(page[-1].pk)])


def encode(position: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(position).encode()).decode().rstrip("=")


def decode(cursor: str, *types: type) -> list[Any]:
    """The position behind ``cursor``, whose parts are of ``types``. Raises :class:`Problem`."""
    try:
        position = json.loads(
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError, RecursionError) as error:
        raise bad_cursor() from error
    if not isinstance(position, list) or [type(part) for part in position] != list(types):
        raise bad_cursor()
    return position


def bad_cursor() -> Problem:
    return Problem("validation", faults=[Fault("/cursor", "This is no cursor of this list.")], place="query")


def _position(cursor: str) -> tuple[datetime, uuid.UUID]:
    at, id = decode(cursor, str, str)
    try:
        time, key = datetime.fromisoformat(at), uuid.UUID(id)
    except ValueError as error:
        raise bad_cursor() from error
    if time.tzinfo is None:
        raise bad_cursor()
    return time, key
