"""Taking a decision back before it is sent."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from reviews.audit.models import AuditEvent
from reviews.escalations.models import Escalation
from reviews.outbox.models import Message
from reviews.people.models import Account
from tests.support.people import approve


def test_a_recorded_decision_can_be_undone(
    as_bob: Client, question: Escalation, bob: Account, settings: Settings
) -> None:
    settings.UNDO_SECONDS = 5
    decision, address = approve(question, bob), reverse("question", args=[question.id])
    assert b"Undo" in as_bob.get(address).content
    assert as_bob.post(reverse("undoing", args=[decision.id])).status_code == 302
    question.refresh_from_db()
    assert question.is_pending
    assert AuditEvent.objects.get(verb="decision.undone").actor == bob
    assert b"Your decision" in as_bob.get(address).content


def test_without_time_to_undo_there_is_no_button(as_bob: Client, question: Escalation, bob: Account) -> None:
    approve(question, bob)
    assert b"Undo" not in as_bob.get(reverse("question", args=[question.id])).content


def test_too_late_is_said(as_bob: Client, question: Escalation, bob: Account) -> None:
    decision = approve(question, bob)
    Message.objects.filter(subject=decision.id).update(tried_at=timezone.now())
    answer = as_bob.post(reverse("undoing", args=[decision.id]))
    assert answer.status_code == 409
    assert b"was sent already" in answer.content


def test_viewers_and_outsiders_undo_nothing(
    as_victor: Client, as_charlie: Client, question: Escalation, bob: Account
) -> None:
    address = reverse("undoing", args=[approve(question, bob).id])
    assert as_victor.post(address).status_code == 403
    assert as_charlie.post(address).status_code == 404
