"""Eight threads that write as fast as they can: ``python -m bench.writers (floor|decide) WRITERS SECONDS``.

Prints ``{"per_second": …}``. The floor inserts four rows as wide as a decision's by plain psycopg.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator

import django
import psycopg

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")

READY = 2600
"""Questions prepared for the writers, more than they can decide in their time."""
QUESTION = {
    "title": "Pay?",
    "proposal": {"amount": 1},
    "options": [
        {"verdict": "approve", "consequence": "pays"},
        {"verdict": "reject", "consequence": "pays nothing"},
    ],
}


def main() -> None:
    what, writers, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    django.setup()
    works = [_floor() if what == "floor" else _decide(work) for work in _shares(what, writers)]
    print(json.dumps({"per_second": _rate(works, seconds)}))


def _rate(works: list[Callable[[], None]], seconds: float) -> float:
    done = [0] * len(works)
    start = threading.Barrier(len(works) + 1)
    end = [0.0]
    failed: set[int] = set()

    def write(number: int) -> None:
        start.wait()
        try:
            while time.monotonic() < end[0]:
                works[number]()
                done[number] += 1
        except StopIteration:
            failed.add(number)

    threads = [threading.Thread(target=write, args=[number]) for number in range(len(works))]
    for thread in threads:
        thread.start()
    end[0] = time.monotonic() + seconds
    start.wait()
    for thread in threads:
        thread.join()
    if failed:
        raise LookupError(
            f"writers {sorted(failed)} had nothing left to decide: the figure would be that of the supply"
        )
    return sum(done) / seconds


def _floor() -> Callable[[], None]:
    connection = psycopg.connect(os.environ["DATABASE_URL"])
    connection.execute(
        "CREATE TABLE IF NOT EXISTS bench_rows (id uuid primary key, at timestamptz, body jsonb)"
    )
    connection.commit()
    body = json.dumps({"verdict": "approve", "comment": "", "digest": "0" * 64, "by": str(uuid.uuid4())})

    def work() -> None:
        with connection.transaction():
            for _ in range(4):
                connection.execute("INSERT INTO bench_rows VALUES (%s, now(), %s)", [uuid.uuid4(), body])

    return work


def _decide(share: Iterator[uuid.UUID]) -> Callable[[], None]:
    from reviews.escalations import actions
    from reviews.escalations.models import Escalation
    from reviews.people.models import Account

    owner = Account.objects.get(name="owner")

    def work() -> None:
        escalation = Escalation(id=next(share))
        actions.decide(escalation, by=owner, verdict="approve", digest=DIGEST[0])

    return work


DIGEST: list[str] = []


def _shares(what: str, writers: int) -> list[Iterator[uuid.UUID]]:
    """Questions for each writer, each on a run of its own, in a namespace that no courier serves."""
    if what == "floor":
        return [iter(()) for _ in range(writers)]
    from reviews.escalations import actions
    from reviews.people.models import Account
    from reviews.runs import mirroring
    from reviews.workspaces.actions import create_workspace

    owner = Account.objects.get(name="owner")
    name = f"bench-{uuid.uuid4().hex[:8]}"
    create_workspace(name, name, name, owner=owner)
    ids = []
    for number in range(READY):
        run = mirroring.adopt(name, f"bench-{number}", str(uuid.uuid4()), workflow_type="bench")
        escalation = actions.open_escalation(run, {"request_id": str(uuid.uuid4()), **QUESTION})
        ids.append(escalation.id)
        DIGEST[:] = [escalation.digest]
    return [iter(ids[number::writers]) for number in range(writers)]


if __name__ == "__main__":
    main()
