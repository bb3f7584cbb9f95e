"""How the tests' database is emptied after a test that commits: row by row.

Django's TRUNCATE of all tables makes each table and index a new file, which costs a tenth of a second of every such
test; after most of them a handful of tables has a handful of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.backends.postgresql.operations import DatabaseOperations


def delete_rows(
    operations: DatabaseOperations, style: Any, tables: Sequence[str], **options: Any
) -> list[str]:
    """In place of ``DatabaseOperations.sql_flush``. Foreign keys are looked at when the transaction ends.

    As TRUNCATE does, it waits for whoever still writes.
    """
    names = [operations.quote_name(table) for table in tables]
    lock = f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"
    return ["; ".join([lock, *(f"DELETE FROM {name}" for name in names)])]
