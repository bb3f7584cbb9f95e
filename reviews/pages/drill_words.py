"""What each drill strikes and what is promised, in words for people; and what its figures mean."""

from __future__ import annotations

from dataclasses import dataclass

from reviews.drills.models import DrillKind


@dataclass(frozen=True)
class Offer:
    """``strikes`` is what happens, ``promise`` what must come of it."""

    kind: DrillKind
    icon: str
    title: str
    strikes: str
    promise: str
    button: str
    lasts: str


OFFERS = {
    offer.kind: offer
    for offer in (
        Offer(
            DrillKind.WORKER,
            "cpu-chip",
            "A worker crashes",
            "Starts a research run of 50 tasks and kills its worker (kill -9) while the model answers task 47.",
            "The next worker goes on at task 47. By the model's own counter all 50 are answered, and at most the one "
            "in flight was asked twice.",
            "Kill the worker at task 47",
            "about a minute",
        ),
        Offer(
            DrillKind.BRIDGE,
            "arrows-right-left",
            "The bridge is killed",
            "Starts a refund, kills the bridge, and approves in your name while nobody can carry the decision.",
            "The approval is taken at once. The next bridge carries it, and the refund is paid once, under the "
            "decision's id.",
            "Kill the bridge",
            "a few seconds",
        ),
        Offer(
            DrillKind.WEB,
            "globe-alt",
            "The web is killed",
            "Starts a refund and kills the web under the click on “Approve”, which is sent in your name. This page "
            "loses its connection and comes back.",
            "The click is repeated under the same key: one decision is made, and one payment.",
            "Kill the web",
            "a few seconds",
        ),
        Offer(
            DrillKind.TEMPORAL,
            "server-stack",
            "Temporal is away for 30 s",
            "Starts a refund, freezes the Temporal server (kill -STOP) for 30 s, and approves in your name meanwhile.",
            "The approval is taken at once, is carried when Temporal goes on, and the refund is paid once.",
            "Freeze Temporal for 30 s",
            "about 40 seconds",
        ),
    )
}

FIGURES = {
    "answered": "Tasks answered",
    "asked": "Questions to the model",
    "repeated": "Tasks asked twice",
    "answered_twice": "Tasks answered twice",
    "steps_retried": "Steps tried again",
    "decisions": "Decisions",
    "payments": "Payments",
    "broken": "Tries not answered",
    "away_seconds": "Away, in seconds",
    "decided_seconds": "Seconds until the decision was taken",
    "back_seconds": "Seconds until there was another",
    "resumed_seconds": "Seconds until the work went on",
    "acted_on_seconds": "Seconds until it was acted on",
    "report": "Report",
}
"""In the order in which they are shown."""
