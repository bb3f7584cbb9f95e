"""A refund of a drill: it asks, whoever started the drill approves it, and it has to be paid once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agentsite.drills.course import Course, Outcome
from agentsite.drills.demo import DemoPayments
from reviews.escalations import actions as escalations
from reviews.escalations.models import Decision, DeliveryState, Escalation
from reviews.runs.models import Run

AMOUNT = 47.0
WITHIN = 900.0
"""Seconds; a question that a drill left behind is rejected by then."""
FINAL = {
    DeliveryState.ACTED_ON,
    DeliveryState.REFUSED,
    DeliveryState.UNREAD,
    DeliveryState.UNDELIVERABLE,
    DeliveryState.UNDONE,
}


@dataclass(frozen=True)
class Refund:
    """A run of ``refund`` and what it asks."""

    course: Course
    payments: DemoPayments
    run: Run
    question: Escalation

    def decide(self) -> Decision:
        return escalations.decide(
            self.question, by=self.course.drill.by, verdict="approve", digest=self.question.digest
        )

    def acted_on(self, decision: Decision) -> Decision:
        """The decision when nothing more will happen to it. Raises ``NotInTime``."""

        def final() -> Decision | None:
            found = Decision.objects.select_related("delivery").get(id=decision.id)
            return found if found.delivery.state in FINAL else None

        return self.course.until(final, "the decision is acted on")

    def judged(self, decision: Decision, verdict: str, **figures: Any) -> Outcome:
        """By the payments' ledger, the rows and what the run says."""
        decision, run = self.acted_on(decision), self.course.closed(self.run)
        decisions = Decision.objects.filter(escalation=self.question).count()
        paid = self.payments.to(_customer(self.course))
        keys = [payment["idempotency_key"] for payment in paid]
        promises = {
            f"There are {decisions} decisions.": decisions == 1,
            f"The decision is {decision.delivery.state}.": (
                decision.delivery.state == DeliveryState.ACTED_ON
            ),
            f"The run is {run.status}.": run.status == "completed",
            f"There are {len(paid)} payments.": len(paid) == 1,
            "What was paid was not paid under the decision's id.": keys == [str(decision.id)],
            "Another amount was paid.": all(payment["amount"] == AMOUNT for payment in paid),
        }
        faults = [broken for broken, kept in promises.items() if not kept]
        return Outcome(verdict, {"decisions": decisions, "payments": len(paid), **figures}, faults)


def ask_refund(course: Course) -> Refund:
    """Start one and wait for its question. Raises ``NotInTime`` and ``CannotDrill``."""
    payments = DemoPayments.of(course.site)
    run = course.start(
        "refund",
        {
            "customer": _customer(course),
            "amount": AMOUNT,
            "reason": "A drill: the demo endpoint pays, and nobody else.",
            "answer_within_seconds": WITHIN,
        },
    )
    course.say(f"A refund run begins: {run.workflow_id}.")
    question = course.until(lambda: Escalation.objects.filter(run=run).first(), "the refund asks")
    course.say(f"It asks: “{question.title}” Nothing is paid before somebody agrees.")
    return Refund(course, payments, run, question)


def _customer(course: Course) -> str:
    return f"Drill {course.token}"
