"""A person decides while a process is away: the decision is kept, carried when that is possible, and paid once."""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

import httpx

from agentsite.drills.course import PATIENCE, Course, NotInTime, Outcome
from agentsite.drills.refunds import Refund, ask_refund
from reviews.escalations.models import Decision, Delivery, DeliveryState
from reviews.outbox.models import Bridge, Message
from reviews.people import actions as people
from reviews.workspaces.access import Right

AT_ONCE = 2.0
"""Seconds in which a decision is taken, whatever is away."""
AWAY = 30.0
TOKEN_LIFE = timedelta(minutes=15)


def strike_bridge(course: Course) -> Outcome:
    """Nobody is there who could carry the decision; the next bridge does."""
    refund = ask_refund(course)
    epoch = _epoch()
    struck = time.monotonic()
    pid = course.site.kill("bridge")
    course.struck(f"kill -9 {pid}: the bridge dies.")
    decision, took = _decided(course, refund)
    course.until(lambda: _epoch() > epoch, "another bridge is active")
    back = time.monotonic() - struck
    course.say(
        f"Another bridge is active after {back:.1f} s, and finds the decision in the outbox.", "running"
    )
    return _carried(course, refund, decision, struck, decided_seconds=took, back_seconds=round(back, 1))


def strike_temporal(course: Course, seconds: float = AWAY) -> Outcome:
    """Frozen, not killed: a killed one is back at once, one that hangs is the harder case."""
    refund = ask_refund(course)
    with course.site.frozen("temporal") as pid:
        frozen = time.monotonic()
        course.struck(f"kill -STOP {pid}: Temporal answers nobody for {seconds:.0f} s.")
        decision, took = _decided(course, refund)
        _stay_away(course, decision, frozen + seconds)
        state = Delivery.objects.get(decision=decision).state
    back = time.monotonic()
    course.say(f"kill -CONT {pid}: Temporal goes on.", "running")
    outcome = _carried(course, refund, decision, back, decided_seconds=took, away_seconds=seconds)
    if state != DeliveryState.RECORDED:
        outcome.faults.append(f"The decision was {state} while Temporal was away.")
    return outcome


def strike_web(course: Course) -> Outcome:
    """The click is repeated under its key, as a browser's reload or a client's retry does it."""
    refund = ask_refund(course)
    token, secret = people.create_token(
        course.drill.by, course.drill.workspace, [Right.ESCALATIONS_DECIDE], by=course.drill.by,
        name=f"drill {course.token}", life=TOKEN_LIFE,
    )  # fmt: skip
    click = Click(str(course.site.endpoints["web"]), secret, refund, str(uuid.uuid4()))
    try:
        with ThreadPoolExecutor(1) as clicker:
            struck = time.monotonic()
            first = clicker.submit(click.send_until_answered)
            pid = course.site.kill("web")
            course.struck(f"kill -9 {pid}: the web dies under the click on “Approve”.")
            id = course.until(lambda: first.result() if first.done() else None, "the click is answered")
        back = time.monotonic() - struck
        course.say(
            f"The click is answered after {back:.1f} s; {click.broken} tries under the same key were not.",
            "good",
        )
        again = click.send_until_answered()
    finally:
        people.revoke_token(token, by=course.drill.by)
    decision = Decision.objects.get(id=id)
    outcome = _carried(course, refund, decision, struck, back_seconds=round(back, 1), broken=click.broken)
    if again != id:
        outcome.faults.append("The same click, sent once more, made another decision.")
    return outcome


@dataclass
class Click:
    """A decision over REST, under one idempotency key. ``broken`` counts the tries that were not answered."""

    web: str
    secret: str
    refund: Refund
    key: str
    broken: int = 0

    def send_until_answered(self) -> str:
        """The decision's id. Raises :class:`NotInTime`, and ``HTTPStatusError`` for a refusal."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self._send()
            except httpx.TransportError:
                self.broken += 1
                time.sleep(0.1)
            else:
                return str(answer.raise_for_status().json()["id"])
        raise NotInTime(f"Not within {PATIENCE:.0f} s: the web answers.")

    def _send(self) -> httpx.Response:
        question = self.refund.question
        return httpx.post(
            f"{self.web}/api/v1/escalations/{question.id}/decisions",
            json={"verdict": "approve", "response": None, "digest": question.digest},
            headers={"Authorization": f"Bearer {self.secret}", "Idempotency-Key": self.key},
            timeout=PATIENCE,
            trust_env=False,
        )


def _decided(course: Course, refund: Refund) -> tuple[Decision, float]:
    """Raises :class:`NotInTime` when it is not taken at once."""
    began = time.monotonic()
    decision = refund.decide()
    took = time.monotonic() - began
    if took > AT_ONCE:
        raise NotInTime(f"The decision was taken after {took:.1f} s, which is not at once.")
    course.say(f"{course.drill.by} approves, and is answered after {took * 1000:.0f} ms.", "good")
    return decision, round(took, 3)


def _stay_away(course: Course, decision: Decision, until: float) -> None:
    """Say once what the delivery says of it meanwhile."""
    said = False
    while time.monotonic() < until:
        message = Message.objects.filter(subject=decision.id).exclude(last_error="").first()
        if message and not said:
            course.say(f"The courier tries again and again: {message.last_error}", "waiting")
            said = True
        left = until - time.monotonic()
        course.until(partial(_is_past, time.monotonic() + min(1.0, left)), "time passes")


def _is_past(moment: float) -> bool:
    return time.monotonic() >= moment


def _carried(course: Course, refund: Refund, decision: Decision, since: float, **figures: float) -> Outcome:
    refund.acted_on(decision)
    seconds = round(time.monotonic() - since, 1)
    course.say(f"The decision is acted on {seconds} s afterwards.", "good")
    verdict = "One decision, and one payment under its id."
    return refund.judged(decision, verdict, acted_on_seconds=seconds, **figures)


def _epoch() -> int:
    return Bridge.objects.values_list("epoch", flat=True).get(id=1)
