"""Fills the database of row 4: 1,000,000 runs, 100,000 pending questions, 10,000,000 events.

``python -m bench.generate`` makes it, in at most 15 minutes; a filling that is there and whole is kept.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench import archives, filling
from bench.database import database

VARIANTS = 4
"""Of each history: with 43,000 events in chunks of 500, 344 chunks that differ."""
WORKSPACES = {"bench-a": "Support", "bench-b": "Research", "bench-c": "Billing", "bench-d": "Somebody else's"}
QUESTION = {
    "request_id": "ask",
    "title": "Refund?",
    "proposal": {"customer": "Dora", "amount": 120.5},
    "options": [
        {"verdict": "approve", "consequence": "120.50 is paid."},
        {"verdict": "reject", "consequence": "Nothing is paid."},
    ],
}


def filled(environment: dict[str, str]) -> None:
    """Return when the rows are there, made by today's statements."""
    with psycopg.connect(
        environment["DATABASE_URL"], autocommit=True, cursor_factory=psycopg.ClientCursor
    ) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS bench_filling (fingerprint text)")
        if connection.execute("SELECT fingerprint FROM bench_filling").fetchone() == (_fingerprint(),):
            return
        began = time.monotonic()
        print("bench: filling the database, once; it takes some minutes", flush=True)
        connection.execute("TRUNCATE bench_filling")
        _empty(connection)
        given = _people(environment)
        with _without_indexes(connection):
            _fill(connection, given)
        connection.execute("VACUUM (ANALYZE)")
        connection.execute("INSERT INTO bench_filling VALUES (%s)", [_fingerprint()])
        print(f"bench: filled in {time.monotonic() - began:.0f} s", flush=True)


def _fingerprint() -> str:
    sources = [Path(module.__file__ or "").read_bytes() for module in (archives, filling)]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def _empty(connection: psycopg.Connection) -> None:
    tables = connection.execute(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'reviews\\_%'"
    )
    connection.execute("TRUNCATE " + ", ".join(name for (name,) in tables) + " CASCADE")


def _people(environment: dict[str, str]) -> dict[str, Any]:
    """The workspaces and their owner, by the product's own actions; answers what the statements are given."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.generate", "people"],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    person, document, digest = done.stdout.split()[-3:]
    return {
        "person": person, "document": bytes.fromhex(document), "digest": digest, "now": datetime.now(UTC),
        "runs": filling.RUNS, "crowd": filling.CROWD, "children": filling.CHILDREN, "variants": VARIANTS,
        "long_runs": filling.LONG_RUNS, "long": filling.LONG, "short_runs": filling.SHORT_RUNS, "short": filling.SHORT,
    }  # fmt: skip


def _make_people() -> None:
    """In a process that has Django."""
    import django

    django.setup()
    from reviews.escalations.proposal import canonical, digest_of, document_of
    from reviews.people.models import Account
    from reviews.workspaces.actions import create_workspace

    ann, somebody = (
        Account.objects.create_user(name, title=name.capitalize()) for name in ("ann", "somebody")
    )
    for slug, name in WORKSPACES.items():
        create_workspace(slug, name, slug, owner=somebody if slug == "bench-d" else ann)
    document = canonical(document_of(QUESTION))
    print(ann.id, document.hex(), digest_of(document))


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Rows come first and their indexes after them, which takes a third of the time; constraints stay."""
    indexes = connection.execute(
        """
        SELECT indexname, indexdef FROM pg_indexes
        WHERE tablename IN ('reviews_run', 'reviews_escalation', 'reviews_step', 'reviews_decision', 'reviews_delivery')
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)
        """
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f'DROP INDEX "{name}"')
    try:
        yield
    finally:
        connection.execute("SET maintenance_work_mem = '1GB'")
        for name, definition in indexes:
            _say(name)
            connection.execute(definition)


def _fill(connection: psycopg.Connection, given: dict[str, Any]) -> None:
    connection.execute("SET work_mem = '256MB'")
    connection.execute(filling.HELPERS)
    connection.execute(filling.TEMPLATES)
    with connection.cursor().copy("COPY template FROM STDIN") as copy:
        for variant in range(VARIANTS):
            for first, last, data in archives.chunks(filling.LONG, variant):
                copy.write_row((variant, first, last, data))
    for name in (
        "RUN_ROWS",
        "ARCHIVED",
        "CHUNKS",
        "STEPS",
        "HISTORIES",
        "QUESTIONS",
        "DECISIONS",
        "DELIVERIES",
    ):
        _say(name)
        connection.execute(getattr(filling, name), given)


def _say(what: str) -> None:
    print(f"bench:   {datetime.now(UTC):%H:%M:%S} {what.lower()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["people"]:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
        _make_people()
    else:
        with database() as found:
            filled(found)
