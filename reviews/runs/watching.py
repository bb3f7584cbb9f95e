"""Tells the bridge which open runs somebody looks at: those it mirrors at once, however many others move."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

from django.db import connection

CHANNEL = "agentsite_watched"
AGAIN = 10.0
"""Seconds until a process says it again of the same run."""
LASTS = 60.0
"""Seconds for which the bridge goes by it."""
MOST = 1000
"""Runs that a process remembers to have said it of."""

_said: dict[uuid.UUID, float] = {}


def watch(run_ids: Iterable[uuid.UUID]) -> None:
    """Somebody looks at these now. Costs a statement in ten seconds for each run, and nothing else waits for it."""
    now = time.monotonic()
    news = [run_id for run_id in run_ids if _said.get(run_id, now - AGAIN) <= now - AGAIN]
    if not news:
        return
    if len(_said) + len(news) > MOST:
        _said.clear()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_notify(%s, id) FROM unnest(%s::text[]) AS id", [CHANNEL, list(map(str, news))]
        )
    _said.update(dict.fromkeys(news, now))
