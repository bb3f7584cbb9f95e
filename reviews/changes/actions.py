"""Writing the change log, by every action of every slice inside its own transaction."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import connection, transaction

from reviews.changes.models import CHANNEL
from reviews.statements import Part, write

# PostgreSQL folds equal notifications of one transaction into one.
_LINES = """
    change AS (
        INSERT INTO reviews_change (workspace_id, topic, object_id)
        SELECT %s::uuid, topic, object_id FROM unnest(%s::text[], %s::text[]) AS line (topic, object_id)
    )
"""
# Only lines that nothing can come before any more, in the order in which they are read.
_CUT = """
    WITH old AS (
        SELECT transaction_id, id FROM reviews_change
        WHERE at < now() - %s::interval AND transaction_id < pg_snapshot_xmin(pg_current_snapshot())
        ORDER BY transaction_id, id LIMIT %s
    ), last AS (
        SELECT transaction_id, id FROM old ORDER BY transaction_id DESC, id DESC LIMIT 1
    ), gone AS (
        DELETE FROM reviews_change change USING last
        WHERE (change.transaction_id, change.id) <= (last.transaction_id, last.id)
        RETURNING 1
    ), start AS (
        INSERT INTO reviews_changelogstart AS start (id, transaction_id, change_id)
        SELECT 1, transaction_id::text::bigint, id FROM last
        ON CONFLICT (id) DO UPDATE SET transaction_id = excluded.transaction_id, change_id = excluded.change_id
        WHERE (start.transaction_id, start.change_id) < (excluded.transaction_id, excluded.change_id)
    )
    SELECT count(*) FROM gone
"""


def record(*changed: tuple[str, uuid.UUID | str], workspace_id: uuid.UUID | None) -> None:
    """Append (topic, id) lines to the transaction that is open, and wake the readers once when it commits.

    Raises ``TransactionManagementError`` outside a transaction: a change without its cause is a lie.
    """
    write(part(*changed, workspace_id=workspace_id))


def part(*changed: tuple[str, uuid.UUID | str], workspace_id: uuid.UUID | None) -> Part:
    """The same, to be written together with its cause."""
    topics, ids = [topic for topic, _ in changed], [str(object_id) for _, object_id in changed]
    return Part(_LINES, (workspace_id, topics, ids), CHANNEL)


def cut(older_than: timedelta, *, at_most: int) -> int:
    """Remove the oldest lines, and remember how far. Answers how many went, ``at_most`` while there may be more."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CUT, [f"{older_than.total_seconds()} seconds", at_most])
        [count] = cursor.fetchone()
    return int(count)
