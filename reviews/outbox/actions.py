"""Putting messages in, and what becomes of them. Callers hold the transaction; the courier calls the rest."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.errors import LockNotAvailable
from psycopg.types.json import Jsonb

from reviews.changes import actions as changes
from reviews.outbox.models import Bridge, Message, MessageKind, MessageState
from reviews.statements import Part, write

CHANNEL = "agentsite_outbox"
FIRST_WAIT = timedelta(seconds=0.5)
LONGEST_WAIT = timedelta(seconds=10)
_MESSAGE = """
    message AS (
        INSERT INTO reviews_message (request_id, namespace, workflow_id, run_id, kind, body, subject,
                                     not_before, state, attempts, last_error)
        VALUES (%s, %s, %s, %s, %s, %s, %s, coalesce(%s, now()), 'pending', 0, '')
    )
"""


class StaleEpoch(Exception):
    """Another bridge took over; whoever raised this must stop writing."""


def enqueue(
    kind: MessageKind,
    *,
    namespace: str,
    workflow_id: str,
    body: dict[str, Any],
    run_id: str | None = None,
    subject: uuid.UUID | None = None,
    request_id: uuid.UUID | None = None,
    not_before: datetime | None = None,
) -> uuid.UUID:
    """Append a message to the transaction that is open and wake the courier at its commit. Answers its request id."""
    request_id = request_id or uuid.uuid4()
    write(
        part(
            kind,
            namespace=namespace,
            workflow_id=workflow_id,
            body=body,
            run_id=run_id,
            subject=subject,
            request_id=request_id,
            not_before=not_before,
        )
    )
    return request_id


def part(
    kind: MessageKind,
    *,
    namespace: str,
    workflow_id: str,
    body: dict[str, Any],
    run_id: str | None,
    subject: uuid.UUID | None,
    request_id: uuid.UUID,
    not_before: datetime | None = None,
) -> Part:
    """The same, to be written together with the state that causes it."""
    target = (request_id, namespace, workflow_id, run_id, kind.value)
    return Part(_MESSAGE, (*target, Jsonb(body), subject, not_before), CHANNEL)


def take_back(subject: uuid.UUID) -> bool:
    """Undo what would be sent for ``subject``. False when any of it was handed to Temporal, or may have been."""
    messages = Message.objects.select_for_update().filter(subject=subject)
    if any(message.tried_at is not None for message in messages):
        return False
    return bool(messages.pending().update(state=MessageState.UNDONE, ended_at=Now()))


def supersede(subject: uuid.UUID, run_id: str) -> None:
    """What the pending messages of ``subject`` would bring to the execution ``run_id`` is there already."""
    pending = Message.objects.pending().filter(subject=subject).filter(Q(run_id=run_id) | Q(run_id=None))
    pending.update(state=MessageState.SUPERSEDED, ended_at=Now())


def raise_epoch(holder: str, backend_pid: int) -> int:
    """Become the active bridge: every older epoch is stale from this commit on.

    A write of the former one is waited for, but not for ever: it may be frozen in the middle of a statement.
    """
    while True:
        try:
            return _raise_epoch(holder, backend_pid)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            _end_who_holds_the_epoch()


def _end_who_holds_the_epoch() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_locks
            WHERE relation = 'reviews_bridge'::regclass AND mode = 'RowShareLock' AND granted
              AND pid <> pg_backend_pid()
              AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """
        )


def _raise_epoch(holder: str, backend_pid: int) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '6s'")  # longer than a frozen one may rest, see below
        Bridge.objects.get_or_create(id=1)
        bridge = Bridge.objects.select_for_update().get(id=1)
        bridge.epoch += 1
        bridge.backend_pid = backend_pid
        bridge.holder = holder
        bridge.beat_at = timezone.now()
        bridge.save()
        return bridge.epoch


def beat(epoch: int) -> None:
    if not Bridge.objects.filter(id=1, epoch=epoch).update(beat_at=Now()):
        raise StaleEpoch(f"epoch {epoch} ended")


def require_epoch(epoch: int) -> None:
    """Inside a transaction: hold the epoch until it commits, so that a take-over waits for this write.

    But not for a process that is frozen in the middle of it: PostgreSQL ends an idle transaction after 5 s.
    """
    with transaction.get_connection().cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '5s'")
        cursor.execute("SELECT 1 FROM reviews_bridge WHERE id = 1 AND epoch = %s FOR SHARE", [epoch])
        if cursor.fetchone() is None:
            raise StaleEpoch(f"epoch {epoch} ended")


def begin(message: Message, run_id: str | None, *, epoch: int) -> bool:
    """Fix the execution that ``message`` goes to, before its first try. False when it was ended meanwhile."""
    return _update(message, epoch, run_id=run_id, tried_at=message.tried_at or timezone.now())


def sent(message: Message, *, epoch: int) -> None:
    _update(message, epoch, state=MessageState.SENT, ended_at=timezone.now(), last_error="")
    _tell(message)


def refused(message: Message, error: str, *, epoch: int) -> None:
    """Temporal will never take it: it leaves the queue, so that what stands behind it can go."""
    _update(message, epoch, state=MessageState.REFUSED, ended_at=timezone.now(), last_error=error[:2000])
    _tell(message)


def try_again(message: Message, error: str, *, epoch: int) -> timedelta:
    """Wait longer each time, 0.5 s to 10 s. Answers the wait."""
    wait: timedelta = min(FIRST_WAIT * 2 ** min(message.attempts, 10), LONGEST_WAIT)
    _update(
        message,
        epoch,
        attempts=message.attempts + 1,
        last_error=error[:2000],
        not_before=timezone.now() + wait,
    )
    _tell(message)
    return wait


def _tell(message: Message) -> None:
    if message.subject is not None:
        with transaction.atomic():
            changes.record(("message", message.subject), workspace_id=None)


# One statement, and so one transaction: what a decision waits for on its way to Temporal is kept short.
_UPDATE = """
    WITH held AS MATERIALIZED (SELECT FROM reviews_bridge WHERE id = 1 AND epoch = %s FOR SHARE),
    changed AS (
        UPDATE reviews_message SET {fields} WHERE id = %s AND state = 'pending' AND EXISTS (SELECT FROM held)
        RETURNING id
    )
    SELECT EXISTS (SELECT FROM held), EXISTS (SELECT FROM changed)
"""


def _update(message: Message, epoch: int, **fields: Any) -> bool:
    """Write to a message that is still pending, and only as the active bridge. Raises :class:`StaleEpoch`."""
    sql = _UPDATE.format(fields=", ".join(f"{name} = %s" for name in fields))
    with connection.cursor() as cursor:
        cursor.execute(sql, [epoch, *fields.values(), message.id])
        held, changed = cursor.fetchone()
    if not held:
        raise StaleEpoch(f"epoch {epoch} ended")
    if changed:
        for name, value in fields.items():
            setattr(message, name, value)
    return bool(changed)
