"""Why an answer is not taken. Edges turn these into status codes and pages."""

from __future__ import annotations

from reviews.escalations.models import Decision, Escalation


class Conflict(Exception):
    """Base of what can have changed since the question was shown."""

    def __init__(self, escalation: Escalation, message: str) -> None:
        super().__init__(message)
        self.escalation = escalation


class AlreadyDecided(Conflict):
    def __init__(self, escalation: Escalation, decision: Decision) -> None:
        super().__init__(escalation, f"{decision.by} decided this already: {decision.get_verdict_display()}.")
        self.decision = decision


class ProposalChanged(Conflict):
    """The digest is not that of the question: what was shown is not what would take effect."""

    def __init__(self, escalation: Escalation) -> None:
        super().__init__(
            escalation, "What you were shown is not what is asked. Look at it again, then decide."
        )


class Withdrawn(Conflict):
    """The question closed without a decision: withdrawn, expired, or answered outside."""

    def __init__(self, escalation: Escalation) -> None:
        super().__init__(escalation, f"The question is closed: {escalation.get_state_display()}.")


class NotYours(Exception):
    """The policy keeps this person from deciding, or the decision is somebody else's."""


class TooLate(Exception):
    """The decision is on its way and cannot be undone."""


class ProposalDiffers(Exception):
    """The same request id came with another question. An old answer is never given to it."""
