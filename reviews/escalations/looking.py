"""Who has a question in sight now, so that two people do not work on it without knowing of each other."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import Min
from django.db.models.functions import Now
from django.utils import timezone

from reviews.changes import actions as changes
from reviews.escalations.models import Escalation, Look
from reviews.people.models import Account

FRESH = timedelta(seconds=60)
"""A page that is in sight says so more often than this; one that is silent for longer is gone."""


def look(escalation_id: uuid.UUID, account: Account, socket: uuid.UUID) -> None:
    """The page behind ``socket`` shows this question. Changes nothing when it does already."""
    escalation = Escalation.objects.filter(id=escalation_id).only("id", "workspace_id").first()
    if escalation is None:
        return
    with transaction.atomic():
        _, created = Look.objects.update_or_create(
            socket=socket,
            escalation=escalation,
            defaults={"account": account, "seen_at": timezone.now()},
        )
        if created:
            _tell(escalation)


def look_away(socket: uuid.UUID) -> None:
    """It is closed, hidden, or shows something else."""
    with transaction.atomic():
        _end(list(Look.objects.filter(socket=socket).select_related("escalation")))


def still_looking(socket: uuid.UUID) -> None:
    Look.objects.filter(socket=socket).update(seen_at=Now())


def forget_gone() -> None:
    """Pages whose web process ended without a word."""
    with transaction.atomic():
        gone = Look.objects.filter(seen_at__lt=timezone.now() - FRESH).select_for_update(
            skip_locked=True, of=("self",)
        )
        _end(list(gone.select_related("escalation")))


def lookers(escalation: Escalation, *, but: Account) -> list[Account]:
    """Others who have it in sight, who came first first."""
    looks = Look.objects.filter(escalation=escalation, seen_at__gt=timezone.now() - FRESH).exclude(
        account=but
    )
    first = looks.values("account").annotate(began=Min("began_at")).order_by("began")
    ids = [row["account"] for row in first[:10]]
    found = Account.objects.in_bulk(ids)
    return [found[id] for id in ids if id in found]


def _end(looks: list[Look]) -> None:
    for ended in looks:
        ended.delete()
        _tell(ended.escalation)


def _tell(escalation: Escalation) -> None:
    changes.record(("escalation", escalation.id), workspace_id=escalation.workspace_id)
