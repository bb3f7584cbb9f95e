"""The decision's path: ask, claim, decide, undo, settle, and the stations of a delivery.

Each action locks the escalation's row, looks again, then writes; repeating one is harmless.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.escalations import deciding, queries
from reviews.escalations.answers import answer_faults
from reviews.escalations.faults import (
    AlreadyDecided,
    NotYours,
    ProposalChanged,
    ProposalDiffers,
    TooLate,
    Withdrawn,
)
from reviews.escalations.models import (
    DELIVERY_RANK,
    Claim,
    Decision,
    Delivery,
    DeliveryState,
    Escalation,
    EscalationState,
)
from reviews.escalations.proposal import canonical, deadline_of, digest_of, document_of
from reviews.failpoints import failpoint
from reviews.outbox import actions as outbox
from reviews.outbox.models import MessageKind
from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.actions import DECISION_SIGNAL, RunClosed
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run
from reviews.runs.queries import ancestors
from reviews.runs.text import clean
from reviews.statements import Part, write


def open_escalation(
    run: Run, ask: Mapping[str, Any], *, activity_id: str = "", by: Account | None = None
) -> Escalation:
    """Open the question of an ``ask`` message, once for each request id of a workflow.

    Raises :class:`~reviews.escalations.proposal.InvalidProposal`, :class:`RunClosed`, and
    :class:`ProposalDiffers` when the same request id came before with another question.
    """
    document = document_of(ask)
    encoded = canonical(document)
    digest = digest_of(encoded)
    with transaction.atomic():
        if not mirroring.is_chain_open(run):
            raise RunClosed(run.get_status_display())
        escalation, opened = Escalation.objects.get_or_create(
            namespace=run.namespace,
            workflow_id=run.workflow_id,
            request_id=str(ask["request_id"]),
            defaults={
                "workspace_id": run.workspace_id,
                "run": run,
                "activity_id": activity_id,
                "title": document["title"][:500],
                "risk": document["policy"]["risk"],
                "document": encoded,
                "digest": digest,
                "deadline": deadline_of(document),
            },
        )
        if escalation.digest != digest:
            raise ProposalDiffers(f"request {ask['request_id']} was asked before with another proposal")
        if opened:
            _refresh_waiting(run)
            audit.record(
                "escalation.opened",
                "escalation",
                escalation.id,
                by=by,
                workspace_id=run.workspace_id,
                digest=digest,
            )
            _changed(escalation)
        return escalation


def claim(escalation: Escalation, *, by: Account) -> Claim:
    """Say that ``by`` looks at it; a later claim takes over. Raises :class:`Withdrawn`, :class:`AlreadyDecided`."""
    with transaction.atomic():
        escalation = _locked(escalation.id)
        _require_pending(escalation)
        claimed, _ = Claim.objects.update_or_create(
            escalation=escalation, defaults={"account": by, "at": timezone.now()}
        )
        _record("escalation.claimed", escalation, by)
        return claimed


def release(escalation: Escalation, *, by: Account) -> None:
    """Take back one's own claim; harmless when there is none."""
    with transaction.atomic():
        escalation = _locked(escalation.id)
        if Claim.objects.filter(escalation=escalation, account=by).delete()[0]:
            _record("escalation.released", escalation, by)


def decide(
    escalation: Escalation,
    *,
    by: Account,
    verdict: str,
    digest: str,
    response: dict[str, Any] | None = None,
    comment: str = "",
) -> Decision:
    """Record one person's answer and put its signal into the outbox, in one transaction.

    Raises :class:`AlreadyDecided`, :class:`Withdrawn`, :class:`ProposalChanged`, :class:`NotYours` and
    :class:`InvalidInput` (pointers into ``{verdict, response, comment}``).
    """
    response, comment = clean(response), clean(comment)
    with transaction.atomic():
        escalation = deciding.locked(escalation.id)
        _require_pending(escalation)
        if digest != escalation.digest:
            raise ProposalChanged(escalation)
        if queries.barred(by, escalation):
            raise NotYours("You started this run, and its policy wants somebody else to decide.")
        if faults := list(answer_faults(escalation, verdict, response, comment)):
            raise InvalidInput(faults)
        decision = Decision(
            escalation=escalation,
            by=by,
            verdict=verdict,
            response=response,
            comment=comment,
            digest=digest,
            after_deadline=escalation.deadline_passed,
        )
        _write_decided(decision, escalation)
        failpoint("decide-before-commit")
    failpoint("decide-after-commit")
    return decision


def _write_decided(decision: Decision, escalation: Escalation) -> None:
    """All of it in one statement; ``escalation`` is locked, and now so are the runs that ask."""
    runs = mirroring.lock_open_runs(escalation.run.chain)
    asks_now = max(runs, key=lambda run: run.created_at, default=escalation.run)
    Delivery(
        decision=decision, escalation=escalation, recorded_at=decision.decided_at
    )  # as it is written below
    details = {"decision": str(decision.id), "verdict": decision.verdict, "digest": decision.digest}
    write(
        deciding.decided(decision, escalation),
        deciding.waiting_without(escalation, runs),
        _signal(decision, escalation, asks_now, not_before=timedelta(seconds=settings.UNDO_SECONDS)),
        *_recorded("decision.recorded", escalation, decision.by, **details),
    )
    escalation.state, escalation.closed_at = EscalationState.DECIDED, decision.decided_at


def undo(decision: Decision, *, by: Account) -> Escalation:
    """Take one's own decision back before it is sent: the question waits again.

    Raises :class:`TooLate` and :class:`NotYours`.
    """
    if decision.by_id != by.id:
        raise NotYours("Only the person who decided can take the decision back.")
    with transaction.atomic():
        escalation = _locked(decision.escalation_id)
        delivery = Delivery.objects.select_for_update(no_key=True).get(decision=decision)
        if delivery.state == DeliveryState.UNDONE:
            return escalation
        if delivery.state != DeliveryState.RECORDED or not outbox.take_back(decision.id):
            raise TooLate("The decision was sent already; there is no signal that takes it back.")
        _move(delivery, DeliveryState.UNDONE, f"undone by {by.name}")
        _reopen(escalation)
        _record("decision.undone", escalation, by, decision=str(decision.id))
        return escalation


def settle(
    escalation_id: uuid.UUID, reason: str, answer: Mapping[str, Any] | None = None, *, run_id: str
) -> Escalation:
    """Close a question without a decision, unless one was recorded first: then that one counts.

    The execution ``run_id``, which asks, has thereby got it: its signal is not sent any more.
    Raises ``Escalation.DoesNotExist``.
    """
    with transaction.atomic():
        escalation = _locked(escalation_id)
        if escalation.is_pending:
            _close(escalation, EscalationState(reason), {"reason": reason, "answer": clean(answer)})
            _record(f"escalation.{reason}", escalation, None)
        elif escalation.decision is not None:
            outbox.supersede(escalation.decision.id, run_id)
            delivery = _locked_delivery(escalation.decision.id)
            _move(delivery, DeliveryState.DELIVERED, "returned to the workflow when it settled the question")
        failpoint("settle-before-commit")
    failpoint("settle-after-commit")
    return escalation


def answered_elsewhere(escalation_id: uuid.UUID, reason: str) -> Escalation:
    """Close a question that the workflow acted on without a decision of ours.

    A decision that was made meanwhile stands: its signal is sent, and the workflow says that it came too late.
    """
    with transaction.atomic():
        escalation = _locked(escalation_id)
        if escalation.is_pending:
            _close(escalation, EscalationState.ANSWERED_OUTSIDE, {"reason": clean(reason), "answer": None})
            _record("escalation.answered_outside", escalation, None, reason=clean(reason))
    return escalation


def acknowledge(decision_id: uuid.UUID, outcome: str, reason: str = "", *, run_id: str) -> Delivery:
    """The workflow's own word on a decision: ``acted_on`` or ``refused``. Raises ``Delivery.DoesNotExist``."""
    with transaction.atomic():
        delivery = _locked_delivery(decision_id)
        outbox.supersede(decision_id, run_id)
        _move(delivery, DeliveryState(outcome), clean(reason))
        failpoint("acknowledge-before-commit")
    failpoint("acknowledge-after-commit")
    return delivery


def delivered(decision_id: uuid.UUID) -> None:
    """The signal stands in the workflow's history."""
    with transaction.atomic():
        _move(_locked_delivery(decision_id), DeliveryState.DELIVERED)


def undeliverable(decision_id: uuid.UUID, reason: str) -> None:
    """Temporal will never take the signal."""
    with transaction.atomic():
        _move(_locked_delivery(decision_id), DeliveryState.UNDELIVERABLE, reason)


def chain_closed(run: Run) -> None:
    """No execution of the run's chain is open any more: what still waits is withdrawn, what was not read is said."""
    with transaction.atomic():
        for escalation in (
            Escalation.objects.of_chain(run.chain).pending().select_for_update(of=("self",), no_key=True)
        ):
            _withdraw(escalation, f"the run closed: {run.get_status_display()}")
        unread = Delivery.objects.filter(escalation__run__chain=run.chain, state=DeliveryState.DELIVERED)
        for delivery in unread.select_for_update(of=("self",), no_key=True):
            _move(
                delivery,
                DeliveryState.UNREAD,
                f"the run closed without reading it: {run.get_status_display()}",
            )


def lock_questions_of(run: Run) -> None:
    """Inside a transaction, before the run is locked: nobody decides or settles until it commits."""
    questions = Escalation.objects.filter(namespace=run.namespace, workflow_id=run.workflow_id)
    list(questions.select_for_update(no_key=True).order_by("id").values_list("id"))


def run_was_reset(run: Run, kept: Iterable[uuid.UUID]) -> None:
    """``run`` came from a reset and holds these questions of its chain still; the others are asked anew.

    What was decided on a kept question is sent again, since the new execution counts request ids anew.
    """
    kept = set(kept)
    with transaction.atomic():
        for escalation in (
            Escalation.objects.of_chain(run.chain)
            .exclude(run=run)
            .select_for_update(of=("self",), no_key=True)
        ):
            if escalation.id not in kept:
                if escalation.is_pending:
                    _withdraw(escalation, "the run was reset to a point before the question")
            elif escalation.state in (EscalationState.PENDING, EscalationState.WITHDRAWN):
                _reopen(escalation)
            elif escalation.decision is not None:
                write(_signal(escalation.decision, escalation, run))


def chain_goes_on(run: Run) -> None:
    """The run closed and another execution of its chain is open: that one waits for what is not answered."""
    with transaction.atomic():
        _refresh_waiting(run)


def human_input(decision: Decision) -> dict[str, Any]:
    """The signal's argument (docs/contract/human_input.schema.json)."""
    return {
        "decision_id": str(decision.id),
        "escalation_id": str(decision.escalation_id),
        "verdict": decision.verdict,
        "response": decision.response,
        "comment": decision.comment,
        "reviewer": {"id": str(decision.by_id), "name": str(decision.by)},
        "decided_at": decision.decided_at.isoformat().replace("+00:00", "Z"),
        "digest": decision.digest,
    }


def _locked(escalation_id: uuid.UUID) -> Escalation:
    return (
        Escalation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("run")
        .get(id=escalation_id)
    )


def _locked_delivery(decision_id: uuid.UUID) -> Delivery:
    """The escalation is locked first, as in every other action, so that no two wait for each other."""
    delivery = Delivery.objects.get(decision_id=decision_id)
    _locked(delivery.escalation_id)
    return (
        Delivery.objects.select_for_update(of=("self",), no_key=True)
        .select_related("escalation")
        .get(decision_id=decision_id)
    )


def _require_pending(escalation: Escalation) -> None:
    if escalation.is_pending:
        return
    if escalation.decision is not None:
        raise AlreadyDecided(escalation, escalation.decision)
    raise Withdrawn(escalation)


def _signal(
    decision: Decision, escalation: Escalation, run: Run, *, not_before: timedelta = timedelta(0)
) -> Part:
    return outbox.part(
        MessageKind.SIGNAL,
        namespace=escalation.namespace,
        workflow_id=escalation.workflow_id,
        run_id=run.run_id,
        body={"name": DECISION_SIGNAL, "input": human_input(decision)},
        subject=decision.id,
        request_id=decision.id,
        not_before=timezone.now() + not_before if not_before else None,
    )


def _move(delivery: Delivery, state: DeliveryState, reason: str = "") -> None:
    """Forward only: a late or repeated report changes nothing."""
    if DELIVERY_RANK[state] <= DELIVERY_RANK[DeliveryState(delivery.state)]:
        return
    now = timezone.now()
    delivery.state, delivery.reason = state, reason
    match state:
        case DeliveryState.DELIVERED:
            delivery.delivered_at = now
        case DeliveryState.ACTED_ON:
            delivery.delivered_at = delivery.delivered_at or now
            delivery.acted_on_at = now
        case _:
            delivery.ended_at = now
    delivery.save()
    _changed(delivery.escalation)


def _close(escalation: Escalation, state: EscalationState, outcome: dict[str, Any] | None = None) -> None:
    escalation.state, escalation.closed_at, escalation.outcome = state, timezone.now(), outcome
    escalation.save(update_fields=["state", "closed_at", "outcome"])
    Claim.objects.filter(escalation=escalation).delete()
    _refresh_waiting(escalation.run)


def _reopen(escalation: Escalation) -> None:
    escalation.state, escalation.closed_at, escalation.outcome = EscalationState.PENDING, None, None
    escalation.save(update_fields=["state", "closed_at", "outcome"])
    _refresh_waiting(escalation.run)
    _changed(escalation)


def _refresh_waiting(run: Run) -> None:
    """The runs are locked before the questions are counted, so that two answers at once both see the last state."""
    open_runs = mirroring.lock_open_runs(run.chain)
    mirroring.set_waiting(open_runs, Escalation.objects.of_chain(run.chain).pending().exists())


def _withdraw(escalation: Escalation, reason: str) -> None:
    _close(escalation, EscalationState.WITHDRAWN, {"reason": reason, "answer": None})
    _record("escalation.withdrawn", escalation, None, reason=reason)


def _record(verb: str, escalation: Escalation, by: Account | None, **details: Any) -> None:
    write(*_recorded(verb, escalation, by, **details))


def _recorded(verb: str, escalation: Escalation, by: Account | None, **details: Any) -> tuple[Part, Part]:
    told = audit.part(
        verb, "escalation", escalation.id, by=by, workspace_id=escalation.workspace_id, **details
    )
    return told, _change(escalation)


def _changed(escalation: Escalation) -> None:
    write(_change(escalation))


def _change(escalation: Escalation) -> Part:
    """The runs above say that one below them waits."""
    runs = [escalation.run_id, *ancestors(escalation.run)]
    return changes.part(
        ("escalation", escalation.id),
        ("inbox", escalation.workspace_id),
        *(("run", id) for id in runs),
        workspace_id=escalation.workspace_id,
    )
