"""A decision, its audit event, its signal and its delivery are one: where one of them fails, none is there."""

from __future__ import annotations

from types import ModuleType

import pytest

from reviews.audit import actions as audit
from reviews.audit.models import AuditEvent
from reviews.changes import actions as changes
from reviews.escalations.models import Decision, Delivery, Escalation
from reviews.outbox import actions as outbox
from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from tests.support.people import approve


class Broken(Exception):
    pass


@pytest.mark.parametrize(
    ("module", "name"),
    [(outbox, "enqueue"), (audit, "record"), (changes, "record")],
    ids=["signal", "audit", "change"],
)
def test_a_decision_whose_trace_cannot_be_written_is_not_made(
    question: Escalation, bob: Account, monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise Broken

    monkeypatch.setattr(module, name, fail)
    with pytest.raises(Broken):
        approve(question, bob)

    question.refresh_from_db()
    assert question.is_pending
    assert not Decision.objects.exists()
    assert not Delivery.objects.exists()
    assert not Message.objects.filter(kind=MessageKind.SIGNAL).exists()
    assert not AuditEvent.objects.filter(verb="decision.recorded").exists()
