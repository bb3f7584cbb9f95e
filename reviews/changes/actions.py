"""Writing the change log. Every action of every slice calls :func:`record` inside its own transaction."""

from __future__ import annotations

import uuid

from django.db import connection, transaction

from reviews.changes.models import CHANNEL

# On the path of every write, so one statement. PostgreSQL folds equal notifications of one transaction into one.
_WRITE = """
    WITH written AS (
        INSERT INTO reviews_change (workspace_id, topic, object_id)
        SELECT %s::uuid, topic, object_id FROM unnest(%s::text[], %s::text[]) AS line (topic, object_id)
    )
    SELECT pg_notify(%s, '')
"""


def record(*changed: tuple[str, uuid.UUID | str], workspace_id: uuid.UUID | None) -> None:
    """Append (topic, id) lines to the transaction that is open, and wake the readers once when it commits.

    Raises ``TransactionManagementError`` outside a transaction: a change without its cause is a lie.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a change is written in the transaction that causes it")
    topics, ids = [topic for topic, _ in changed], [str(object_id) for _, object_id in changed]
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [workspace_id, topics, ids, CHANNEL])
