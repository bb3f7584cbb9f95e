"""Writing the audit."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from django.db import transaction
from psycopg.types.json import Jsonb

from reviews.statements import Part, write

if TYPE_CHECKING:
    from reviews.people.models import Account

SYSTEM = "agentsite"
_EVENT = """
    audit AS (
        INSERT INTO reviews_auditevent
            (workspace_id, actor_id, actor_name, verb, object_type, object_id, details)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
    )
"""


def record(
    verb: str,
    object_type: str,
    object_id: uuid.UUID | str,
    *,
    by: Account | None,
    workspace_id: uuid.UUID | None,
    **details: Any,
) -> None:
    """Append one line. ``by`` None means the system itself (a deadline, a closing run)."""
    with transaction.atomic():
        write(part(verb, object_type, object_id, by=by, workspace_id=workspace_id, **details))


def part(
    verb: str,
    object_type: str,
    object_id: uuid.UUID | str,
    *,
    by: Account | None,
    workspace_id: uuid.UUID | None,
    **details: Any,
) -> Part:
    """The same, to be written together with what it tells of."""
    actor = (by.id, by.name) if by else (None, SYSTEM)
    return Part(_EVENT, (workspace_id, *actor, verb, object_type, str(object_id), Jsonb(details)))
