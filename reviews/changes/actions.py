"""Writing the change log, by every action of every slice inside its own transaction."""

from __future__ import annotations

import uuid

from reviews.changes.models import CHANNEL
from reviews.statements import Part, write

# PostgreSQL folds equal notifications of one transaction into one.
_LINES = """
    change AS (
        INSERT INTO reviews_change (workspace_id, topic, object_id)
        SELECT %s::uuid, topic, object_id FROM unnest(%s::text[], %s::text[]) AS line (topic, object_id)
    )
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
