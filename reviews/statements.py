"""Writes that go to the database together: each slice gives its part, an action sends them in one round trip."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection, transaction

_WRITE = "WITH {parts} SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel"


class Part(NamedTuple):
    """``sql`` is ``name AS (INSERT …)``, or several of them; ``channel`` is notified when the transaction commits.

    The parts of one statement see the database as it was before it, and not each other's writes.
    """

    sql: str
    params: tuple[Any, ...]
    channel: str | None = None


def write(*parts: Part) -> None:
    """Carry the parts out inside the transaction that is open.

    Raises ``TransactionManagementError`` outside a transaction: what goes together must not come apart.
    """
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("what is written together needs a transaction")
    channels = list({part.channel: None for part in parts if part.channel})
    sql = _WRITE.format(parts=", ".join(part.sql for part in parts))
    with connection.cursor() as cursor:
        cursor.execute(sql, [*(value for part in parts for value in part.params), channels])
