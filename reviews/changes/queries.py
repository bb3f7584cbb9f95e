"""Reading the change log so that no line is skipped, however late its transaction commits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from reviews.changes.cursors import Cursor, Place

# Below the oldest transaction still running nothing can appear any more; above it, lines are there and may get
# company before them.
READ = """
    SELECT change.transaction_id::text::bigint, change.id, change.topic || ':' || change.object_id,
           change.transaction_id < pg_snapshot_xmin(pg_current_snapshot())
    FROM reviews_change change
    WHERE (change.transaction_id, change.id) > (%s::text::xid8, %s)
    ORDER BY change.transaction_id, change.id
    LIMIT %s
"""
HORIZON = """
    SELECT (SELECT system_identifier::text FROM pg_control_system()),
           pg_snapshot_xmin(pg_current_snapshot())::text::bigint
"""
# A cursor is of use when the log still begins before it, and when this cluster could have given it.
_MISSED = """
    SELECT DISTINCT change.topic || ':' || change.object_id
    FROM reviews_change change
    WHERE (change.transaction_id, change.id) > (%(xid)s::text::xid8, %(id)s)
      AND change.topic || ':' || change.object_id = ANY(%(subjects)s)
"""
_IS_KNOWN = """
    SELECT %(cluster)s = (SELECT system_identifier::text FROM pg_control_system())
       AND %(xid)s::text::xid8 <= pg_snapshot_xmax(pg_current_snapshot())
       AND NOT EXISTS (
           SELECT FROM reviews_changelogstart start
           WHERE (start.transaction_id, start.change_id) > (%(xid)s::bigint, %(id)s)
       )
"""


@dataclass(frozen=True)
class Line:
    """``settled`` is false while a line that belongs before it may still appear."""

    place: Place
    subject: str
    settled: bool


def missed(cursor: Cursor, subjects: Iterable[str]) -> set[str] | None:
    """Which of ``subjects`` (``topic:id``) changed after ``cursor``; None when the log cannot tell any more."""
    values: dict[str, Any] = {
        "cluster": cursor.cluster,
        "xid": str(cursor.place.transaction_id),
        "id": cursor.place.change_id,
        "subjects": list(subjects),
    }
    with connection.cursor() as database:
        # In this order: what is cut between the two statements makes the second answer false.
        database.execute(_MISSED, values)
        changed = {subject for (subject,) in database.fetchall()}
        database.execute(_IS_KNOWN, values)
        [known] = database.fetchone()
    return changed if known else None
