"""A question as its page shows it: what would change, the evidence, the answers that may be given."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from reviews.artifacts.models import Version
from reviews.artifacts.queries import versions_for
from reviews.escalations.looking import lookers
from reviews.escalations.models import Decision, DeliveryState, Escalation, Verdict
from reviews.escalations.queries import barred
from reviews.outbox.models import Message, MessageState
from reviews.pages import addresses, diffs, marks
from reviews.pages.attempts import new_attempt
from reviews.pages.diffs import Line
from reviews.pages.forms import SchemaForm
from reviews.people.models import Account
from reviews.workspaces.access import Right, Viewer

ACTING = (Verdict.APPROVE, Verdict.EDIT, Verdict.RETRY)
"""Verdicts after which the agent does something to the world: high risk asks for a second look."""

KEYS = {
    Verdict.APPROVE: "a",
    Verdict.EDIT: "e",
    Verdict.REJECT: "d",
    Verdict.RESPOND: "r",
    Verdict.CHANGES: "c",
    Verdict.RETRY: "t",
}
SENDING = {
    Verdict.EDIT: "Send these values",
    Verdict.RESPOND: "Send the answer",
    Verdict.CHANGES: "Send",
}
ICONS = {
    Verdict.APPROVE: "check",
    Verdict.EDIT: "pencil-square",
    Verdict.REJECT: "x-mark",
    Verdict.RESPOND: "chat-bubble-left",
    Verdict.CHANGES: "arrow-uturn-left",
    Verdict.RETRY: "arrow-path",
}
ENDED_BADLY = {DeliveryState.UNDELIVERABLE, DeliveryState.UNREAD, DeliveryState.REFUSED}


@dataclass
class Answer:
    """What somebody tried to send; the page shows it again with what is wrong."""

    verdict: str = ""
    comment: str = ""
    text: str = ""
    form: SchemaForm | None = None
    errors: dict[str, str] = field(default_factory=dict)


@dataclass
class Choice:
    """One option as a button: at once, or behind a panel with what it needs."""

    verdict: str
    label: str
    consequence: str
    key: str
    icon: str
    send: str
    at_once: bool
    open: bool
    acts: bool
    first: bool


@dataclass
class Evidence:
    kind: str
    title: str
    text: str
    value: Any
    url: str
    source: str
    trusted: bool
    version: Version | None

    @property
    def link(self) -> str:
        """The address where it may be followed, else empty: only http and https."""
        return self.url if self.host else ""

    @cached_property
    def host(self) -> str:
        """Whom the link leads to; empty where it is none."""
        try:
            parts = urlsplit(self.url)
        except ValueError:
            return ""
        return parts.netloc if parts.scheme in ("http", "https") else ""


@dataclass
class Station:
    """One station of a decision's journey."""

    mark: marks.Mark
    at: Any
    reached: bool


class Case:
    """Everything that the page says of one question to one viewer."""

    def __init__(
        self, viewer: Viewer, escalation: Escalation, answer: Answer, query: str, is_an_answer: bool
    ) -> None:
        self.viewer, self.escalation, self.answer = viewer, escalation, answer
        self.here = addresses.of_escalation(escalation) + query
        self.is_an_answer = is_an_answer
        self.question = escalation.question
        self.policy = self.question["policy"]
        self.attempt = new_attempt()

    @property
    def risk(self) -> marks.Mark:
        return marks.of_risk(self.escalation.risk)

    @property
    def then(self) -> str:
        """What the workflow does when nobody answers in time."""
        default: str = self.policy["on_deadline"]
        return "goes on without an answer" if default == "expire" else default

    @property
    def high_risk(self) -> bool:
        return self.escalation.risk == "high"

    @property
    def changes(self) -> list[Line]:
        return diffs.lines(self.question["form"], self.question["before"], self.question["proposal"])

    @property
    def edited(self) -> list[Line]:
        """What the decision changed of the proposal."""
        decision = self.decision
        if decision is None or decision.verdict != Verdict.EDIT:
            return []
        return diffs.lines(self.question["form"], self.question["proposal"], decision.response or {})

    @cached_property
    def evidence(self) -> list[Evidence]:
        items = self.question["evidence"]
        versions = self._versions([item["artifact_version"] for item in items if item["artifact_version"]])
        return [
            Evidence(**_fields(item), version=versions.get(str(item["artifact_version"]))) for item in items
        ]

    def _versions(self, ids: list[str]) -> dict[str, Version]:
        if not ids or not self.viewer.may(Right.FILES_READ, self.escalation.workspace_id):
            return {}
        known = [uuid.UUID(id) for id in ids if _is_uuid(id)]
        return {str(version.id): version for version in versions_for(self.viewer).filter(id__in=known)}

    @property
    def may_decide(self) -> bool:
        return self.viewer.may(Right.ESCALATIONS_DECIDE, self.escalation.workspace_id)

    @cached_property
    def barred(self) -> bool:
        return barred(self.viewer.account, self.escalation)

    @cached_property
    def lookers(self) -> list[Account]:
        return lookers(self.escalation, but=self.viewer.account) if self.escalation.is_pending else []

    @property
    def claim(self) -> Any:
        return getattr(self.escalation, "claim", None)

    @property
    def claimed_by_me(self) -> bool:
        return self.claim is not None and self.claim.account_id == self.viewer.account.id

    @cached_property
    def choices(self) -> list[Choice]:
        options = self.escalation.options
        verdicts = [Verdict(option["verdict"]) for option in options]
        keys = KEYS if Verdict.RESPOND in verdicts else {**KEYS, Verdict.CHANGES: "r"}
        return [
            self._choice(verdict, option, keys) for verdict, option in zip(verdicts, options, strict=True)
        ]

    def _choice(self, verdict: Verdict, option: dict[str, str], keys: dict[Verdict, str]) -> Choice:
        acts = verdict in ACTING
        return Choice(
            verdict=verdict,
            label=option["label"],
            consequence=option["consequence"],
            key=keys[verdict],
            icon=ICONS[verdict],
            send=SENDING.get(verdict) or option["label"],
            at_once=verdict in (Verdict.APPROVE, Verdict.RETRY) and not self.high_risk,
            open=self.answer.verdict == verdict,
            acts=acts,
            first=acts and option is self.escalation.options[0],
        )

    @cached_property
    def form(self) -> SchemaForm | None:
        """The fields of an edit: as they were sent, else as proposed."""
        if self.question["form"] is None:
            return None
        return self.answer.form or SchemaForm.filled(self.question["form"], self.question["proposal"])

    @property
    def decision(self) -> Decision | None:
        return self.escalation.decision if not self.escalation.is_pending else None

    @property
    def on_its_way(self) -> bool:
        """Whether the journey still moves."""
        return self.decision is not None and self.decision.delivery.state in (
            DeliveryState.RECORDED,
            DeliveryState.DELIVERED,
        )

    @property
    def journey(self) -> list[Station]:
        if self.decision is None:
            return []
        delivery = self.decision.delivery
        stations = [_station(state, at) for state, at in delivery.times.items()]
        if delivery.state in ENDED_BADLY:
            stations = [
                *(station for station in stations if station.reached),
                _station(delivery.state, delivery.ended_at),
            ]
        return stations

    @cached_property
    def waiting_error(self) -> str:
        """Why Temporal does not have it yet, in the courier's words; empty while there is no fault."""
        if self.decision is None or self.decision.delivery.state != DeliveryState.RECORDED:
            return ""
        messages = Message.objects.filter(subject=self.decision.id, state=MessageState.PENDING)
        return messages.values_list("last_error", flat=True).last() or ""

    @property
    def may_undo(self) -> bool:
        recorded = self.decision is not None and self.decision.delivery.state == DeliveryState.RECORDED
        return recorded and settings.UNDO_SECONDS > 0 and self.may_decide


def case_of(
    viewer: Viewer,
    escalation: Escalation,
    answer: Answer | None = None,
    *,
    query: str = "",
    is_an_answer: bool = False,
) -> Case:
    """``query`` belongs to its address. ``is_an_answer``: it shows what somebody sent, which a live page must not lose."""
    return Case(viewer, escalation, answer or Answer(), query, is_an_answer)


def _station(state: str, at: Any) -> Station:
    return Station(marks.of_delivery(state, DeliveryState(state).label.lower()), at, at is not None)


def _fields(item: dict[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("kind", "title", "text", "value", "url", "source", "trusted")}


def _is_uuid(text: Any) -> bool:
    try:
        uuid.UUID(text)
    except (TypeError, ValueError, AttributeError):
        return False
    return True
