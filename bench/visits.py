"""What row 4 looks at: ``python -m bench.visits`` prints a session's cookie, the addresses, and the queries of each.

In a process that has Django, on the database that ``bench.generate`` filled.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
DEEP = 500_000
"""The row at which a deep page begins: page 10,000 of 50 rows."""


def main() -> None:
    django.setup()
    from django.conf import settings
    from django.test import Client

    from reviews.people.models import Account

    settings.ALLOWED_HOSTS = ["*"]
    client = Client()
    client.force_login(Account.objects.get(name="ann"), backend="django.contrib.auth.backends.ModelBackend")
    visits = [
        {"what": what, "address": address, "queries": _queries(client, address)}
        for what, address in _addresses()
    ]
    session = {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}
    print(json.dumps({"session": session, "visits": visits}))


def _queries(client: Any, address: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    if len(sys.argv) > 1:
        print(f"== {address}", file=sys.stderr)
        for query in captured:
            took, sql = float(query["time"]) * 1000, query["sql"]
            print(f"{took:8.1f} ms  {sql if took > 8 or sys.argv[1] == 'all' else sql[:90]}", file=sys.stderr)
    return len(captured)


def _addresses() -> list[tuple[str, str]]:
    from reviews.escalations.models import Escalation
    from reviews.pages.lists import cursor_of
    from reviews.runs.models import Run

    mine = Run.objects.exclude(workspace__slug="bench-d").order_by("-created_at", "-id")
    rows = {"all": mine, "roots": mine.filter(parent=None), "failed": mine.filter(status="failed")}
    deep = {
        name: cursor_of(runs.only("created_at")[min(DEEP, runs.count() // 2)], "created_at")
        for name, runs in rows.items()
    }
    pending = Escalation.objects.pending().exclude(workspace__slug="bench-d").order_by("-opened_at", "-id")
    question = cursor_of(pending.only("opened_at")[50_000], "opened_at")
    newest = mine.filter(title__contains=" order ", search_attributes__has_key="customer").only(
        "title", "search_attributes"
    )[0]
    word, customer = newest.title.split()[2], newest.search_attributes["customer"]
    crowd = Run.objects.get(id=_numbered(500_000))
    family = mine.filter(children__isnull=False)[0]
    long = mine.filter(last_event_id=43_000)[0]
    middle = crowd.created_at
    return [
        ("inbox", "/"),
        ("inbox, mine", "/?tab=mine"),
        ("inbox, decided", "/?tab=decided"),
        ("inbox, deep", f"/?before={question}"),
        ("runs", "/runs/"),
        ("runs, deep", f"/runs/?before={deep['roots']}"),
        ("runs, flat", "/runs/?flat=1"),
        ("runs, flat, deep", f"/runs/?flat=1&before={deep['all']}"),
        ("runs, one workspace", "/runs/?workspace=bench-a"),
        ("runs, a status", "/runs/?status=failed"),
        ("runs, a status, deep", f"/runs/?status=failed&before={deep['failed']}"),
        ("runs, several statuses", "/runs/?status=open&status=timed_out"),
        ("runs, an agent", "/runs/?agent=agent-117"),
        ("runs, an agent of many", "/runs/?agent=agent-000"),
        ("runs, a type", "/runs/?type=Workflow150"),
        ("runs, waiting", "/runs/?waiting=1"),
        ("runs, waiting, of an agent", "/runs/?waiting=1&agent=agent-117"),
        ("runs, a status of an agent", "/runs/?status=terminated&agent=Workflow198"),
        ("runs, a week", f"/runs/?since={middle:%Y-%m-%dT%H:%M}&status=timed_out"),
        ("runs, a word of many", "/runs/?q=order"),
        ("runs, a word of few", f"/runs/?q={word}"),
        ("runs, two words", f"/runs/?q={word}+agent"),
        ("runs, the beginning of an id", f"/runs/?q={long.workflow_id[:-4]}"),
        ("runs, a word of none", "/runs/?q=nowhere"),
        ("runs, an attribute of many", "/runs/?attribute=region%3Deu"),
        ("runs, an attribute of few", f"/runs/?attribute=customer%3D{customer}"),
        ("runs, an attribute of none", "/runs/?attribute=customer%3Dnobody"),
        ("runs, a truth", "/runs/?attribute=vip%3Dtrue"),
        (
            "runs, a keyword and a status",
            f"/runs/?attribute=tags%3D{newest.search_attributes['tags'][0]}&status=failed",
        ),
        ("runs, by workflow id", f"/runs/?id={long.workflow_id}"),
        ("runs, by run id", f"/runs/?id={long.run_id}"),
        ("children unfolded", f"/runs/?unfold={family.id}"),
        ("children of one", f"/runs/?parent={crowd.id}"),
        ("run of 43,000 events, steps", f"/runs/{long.id}/"),
        ("run of 43,000 events, events", f"/runs/{long.id}/?tab=events"),
        ("run of 43,000 events, the last events", f"/runs/{long.id}/?tab=events&after=42400"),
    ]


def _numbered(number: int) -> str:
    """The id that ``bench.filling`` gives to the run of this number."""
    import hashlib
    import uuid

    return str(uuid.UUID(hashlib.md5(f"run{number}".encode(), usedforsecurity=False).hexdigest()))


if __name__ == "__main__":
    main()
