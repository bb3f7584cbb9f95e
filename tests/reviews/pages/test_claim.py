"""Saying that you look at a question."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from reviews.audit.models import AuditEvent
from reviews.escalations.models import Claim, Escalation
from reviews.people.models import Account
from tests.support.people import approve


def test_a_claim_warns_others_and_stops_nobody(
    as_bob: Client, as_alice: Client, question: Escalation, bob: Account
) -> None:
    assert as_bob.post(reverse("claims", args=[question.id])).status_code == 302
    assert Claim.objects.get().account == bob
    assert AuditEvent.objects.get(verb="escalation.claimed").actor == bob
    content = as_alice.get(reverse("question", args=[question.id])).content
    assert b"Bob is looking at this" in content
    assert b"You may decide all the same" in content


def test_one_may_let_go(as_bob: Client, question: Escalation) -> None:
    as_bob.post(reverse("claims", args=[question.id]))
    as_bob.post(reverse("release", args=[question.id]))
    as_bob.post(reverse("release", args=[question.id]))
    assert not Claim.objects.exists()
    assert AuditEvent.objects.filter(verb="escalation.released").count() == 1, "once for both clicks"


def test_a_decided_question_is_not_claimed(as_bob: Client, question: Escalation, bob: Account) -> None:
    approve(question, bob)
    answer = as_bob.post(reverse("claims", args=[question.id]), follow=True)
    assert b"decided this already" in answer.content


def test_viewers_and_outsiders_claim_nothing(
    as_victor: Client, as_charlie: Client, question: Escalation
) -> None:
    assert as_victor.post(reverse("claims", args=[question.id])).status_code == 403
    assert as_charlie.post(reverse("claims", args=[question.id])).status_code == 404
    assert not Claim.objects.exists()
