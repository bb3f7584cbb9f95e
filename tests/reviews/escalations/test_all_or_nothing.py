"""A decision, its audit event, its signal and its delivery are one: where one of them fails, none is there."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from reviews.audit.models import AuditEvent
from reviews.escalations.models import Decision, Delivery, Escalation
from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from tests.support.people import approve


@pytest.mark.parametrize(
    "table", ["reviews_message", "reviews_auditevent", "reviews_change", "reviews_delivery"]
)
def test_a_decision_whose_trace_cannot_be_written_is_not_made(
    question: Escalation, bob: Account, table: str
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what the fixtures wrote is settled
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT takes_nothing_more CHECK (false) NOT VALID")
    with pytest.raises(IntegrityError, match="takes_nothing_more"), transaction.atomic():
        approve(question, bob)

    question.refresh_from_db()
    assert question.is_pending
    assert not Decision.objects.exists()
    assert not Delivery.objects.exists()
    assert not Message.objects.filter(kind=MessageKind.SIGNAL).exists()
    assert not AuditEvent.objects.filter(verb="decision.recorded").exists()
