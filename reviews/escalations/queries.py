"""Reading questions and decisions: the access functions, and the lists that pages and REST share."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet

from reviews.escalations.models import Decision, Escalation, EscalationQuerySet
from reviews.people.models import Account
from reviews.workspaces.access import NotFound, Right, Viewer


def escalation_for(
    viewer: Viewer, escalation_id: uuid.UUID, right: Right = Right.ESCALATIONS_READ
) -> Escalation:
    """The one way to a question. Raises :class:`NotFound` (also for foreign ones) and :class:`Forbidden`."""
    questions = Escalation.objects.select_related("workspace", "run", "run__started_by", "claim__account")
    escalation = questions.filter(id=escalation_id).first()
    if escalation is None:
        raise NotFound
    viewer.require(right, escalation.workspace_id)
    return escalation


def escalations_for(viewer: Viewer) -> EscalationQuerySet:
    """All questions that the viewer may read. Raises :class:`Forbidden` where the right is missing everywhere."""
    viewer.require_anywhere(Right.ESCALATIONS_READ)
    return Escalation.objects.filter(workspace_id__in=viewer.workspaces(Right.ESCALATIONS_READ))


def decision_for(viewer: Viewer, decision_id: uuid.UUID, right: Right = Right.ESCALATIONS_READ) -> Decision:
    """The one way to a decision. Raises :class:`NotFound`, :class:`Forbidden`."""
    decisions = Decision.objects.select_related("escalation", "escalation__run", "by", "delivery")
    decision = decisions.filter(id=decision_id).first()
    if decision is None:
        raise NotFound
    viewer.require(right, decision.escalation.workspace_id)
    return decision


def of_chains(viewer: Viewer, chains: Iterable[uuid.UUID]) -> QuerySet[Escalation]:
    """The questions of these chains, oldest first: they belong to all the executions of a chain."""
    readable = viewer.workspaces(Right.ESCALATIONS_READ)
    questions = Escalation.objects.filter(run__chain__in=list(chains), workspace__in=readable)
    return questions.select_related("run").order_by("opened_at", "id")


def barred(account: Account, escalation: Escalation) -> bool:
    """Whether the policy keeps the account from deciding, because it started the run."""
    allowed = escalation.question["policy"]["starter_may_decide"]
    return not allowed and escalation.run.started_by_id == account.id
