"""The epoch keeps out who lost the lease, and a frozen write does not hold up who takes over."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from django.db import DatabaseError, connection, connections, transaction

from reviews.outbox import actions as outbox
from reviews.outbox.actions import StaleEpoch
from reviews.outbox.models import Bridge, Message, MessageState
from tests.workflows.bridge.parts import enqueued

pytestmark = pytest.mark.django_db(transaction=True)


def a_message() -> Message:
    body = {"name": "please", "input": None}
    return enqueued(namespace="default", workflow_id="w", run_id="r", body=body)


def test_an_older_epoch_writes_nothing() -> None:
    message = a_message()
    old = outbox.raise_epoch("first", 1)
    new = outbox.raise_epoch("second", 2)
    for write in (
        lambda: outbox.begin(message, "r", epoch=old),
        lambda: outbox.sent(message, epoch=old),
        lambda: outbox.refused(message, "no", epoch=old),
        lambda: outbox.try_again(message, "later", epoch=old),
        lambda: outbox.beat(old),
    ):
        with pytest.raises(StaleEpoch):
            write()
    assert Message.objects.get().state == MessageState.PENDING
    assert Message.objects.get().tried_at is None
    assert outbox.begin(message, "r", epoch=new)
    assert Bridge.objects.get().holder == "second"


def test_a_write_that_froze_does_not_hold_up_the_take_over() -> None:
    old = outbox.raise_epoch("first", 1)
    holding, thawed = threading.Event(), threading.Event()

    def write_and_freeze() -> None:
        try:
            with transaction.atomic():
                outbox.require_epoch(old)
                holding.set()
                thawed.wait(30)
                a_message()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(write_and_freeze)
        assert holding.wait(10)
        began = time.monotonic()
        assert outbox.raise_epoch("second", 2) == old + 1
        assert time.monotonic() - began < 25
        thawed.set()
        with pytest.raises(DatabaseError):
            frozen.result(10)
    assert not Message.objects.exists(), "what it had begun came to nothing"


def test_a_write_that_froze_in_the_middle_of_a_statement_is_ended() -> None:
    """PostgreSQL waits for the rest of a COPY for ever: such a session is not idle."""
    old = outbox.raise_epoch("first", 1)
    holding, thawed = threading.Event(), threading.Event()

    def copy_and_freeze() -> None:
        try:
            with transaction.atomic():
                outbox.require_epoch(old)
                with (
                    connection.cursor() as cursor,
                    cursor.copy("COPY reviews_change (topic) FROM STDIN") as copy,
                ):
                    copy.write_row(["x"])
                    holding.set()
                    thawed.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        frozen = pool.submit(copy_and_freeze)
        assert holding.wait(10)
        began = time.monotonic()
        assert outbox.raise_epoch("second", 2) == old + 1
        assert time.monotonic() - began < 25
        thawed.set()
        with pytest.raises((DatabaseError, psycopg.Error)):
            frozen.result(10)
