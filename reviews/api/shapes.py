"""What the objects of the REST interface have in common."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

from django.conf import settings
from django.urls import reverse
from pydantic import BaseModel, PlainSerializer, WithJsonSchema

from reviews.people.models import Account


def rfc3339(time: datetime) -> str:
    """In UTC with Z, to the microsecond."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


Time = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "description": "RFC 3339, UTC."}),
]
Json = Annotated[Any, WithJsonSchema({"description": "Any JSON value."})]


class PersonOut(BaseModel):
    id: uuid.UUID
    name: str


def person_out(account: Account) -> PersonOut:
    return PersonOut(id=account.id, name=str(account))


def page_url(name: str, *ids: uuid.UUID | int) -> str:
    """The absolute address of an object's page."""
    return f"{settings.AGENTSITE_URL}{reverse(name, args=ids)}"
