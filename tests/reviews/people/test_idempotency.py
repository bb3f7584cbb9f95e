"""The memory of answered requests."""

from __future__ import annotations

import contextlib
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from reviews.people.actions import IdempotencyKeyReused, answer_with, remember
from reviews.people.models import IDEMPOTENCY_LIFE, Account, IdempotencyKey


def _once(account: Account, key: str = "k", fingerprint: str = "f", answer: int = 1) -> int:
    with transaction.atomic():
        row = remember(account, key, fingerprint)
        if row.answer is not None:
            return int(row.answer["answer"])
        answer_with(row, {"answer": answer})
        return answer


def test_the_first_answer_is_given_again(bob: Account) -> None:
    assert [_once(bob, answer=1), _once(bob, answer=2)] == [1, 1]


def test_a_key_belongs_to_one_account(bob: Account, alice: Account) -> None:
    assert [_once(bob, answer=1), _once(alice, answer=2)] == [1, 2]


def test_another_request_with_the_key_is_refused(bob: Account) -> None:
    _once(bob)

    with pytest.raises(IdempotencyKeyReused):
        _once(bob, fingerprint="other")


def test_a_failed_effect_leaves_no_memory(bob: Account) -> None:
    with contextlib.suppress(ZeroDivisionError), transaction.atomic():
        remember(bob, "k", "f")
        raise ZeroDivisionError

    assert not IdempotencyKey.objects.exists()
    assert _once(bob, fingerprint="other", answer=2) == 2


def test_after_a_day_a_key_is_forgotten(bob: Account) -> None:
    _once(bob)
    IdempotencyKey.objects.update(created_at=timezone.now() - IDEMPOTENCY_LIFE + timedelta(minutes=1))
    assert _once(bob, answer=2) == 1

    IdempotencyKey.objects.update(created_at=timezone.now() - IDEMPOTENCY_LIFE - timedelta(minutes=1))
    assert _once(bob, fingerprint="other", answer=3) == 3


@pytest.mark.django_db(transaction=True)
def test_equal_requests_at_once_wait_for_the_first() -> None:
    account = Account.objects.create_user("bob")
    start, answers = threading.Barrier(4), []

    def ask(number: int) -> None:
        start.wait()
        try:
            answers.append(_once(account, answer=number))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 4
    assert len(set(answers)) == 1
