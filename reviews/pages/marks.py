"""State in one glance: an icon, a word and a tone for each state of the product's objects."""

from __future__ import annotations

from dataclasses import dataclass

from reviews.conversations.models import Turn
from reviews.drills.models import Drill, DrillLine
from reviews.escalations.models import Decision, Escalation, Verdict
from reviews.insights.timeouts import TimeoutVerdict
from reviews.outbox.models import Message
from reviews.runs.models import Attempt, Run, Step, StepKind
from reviews.runs.now import ActivityNow


@dataclass(frozen=True)
class Mark:
    """``icon`` is a heroicon's name; ``tone`` one of waiting, running, good, bad, quiet."""

    icon: str
    tone: str
    word: str


_RUN = {
    "starting": ("rocket-launch", "running"),
    "running": ("play", "running"),
    "paused": ("pause", "quiet"),
    "completed": ("check", "good"),
    "failed": ("exclamation-triangle", "bad"),
    "canceled": ("no-symbol", "quiet"),
    "terminated": ("stop", "bad"),
    "timed_out": ("clock", "bad"),
    "continued_as_new": ("arrow-path", "quiet"),
}
_STEP = {
    "scheduled": ("clock", "quiet"),
    "running": ("play", "running"),
    "completed": ("check", "good"),
    "failed": ("x-mark", "bad"),
    "canceled": ("no-symbol", "quiet"),
    "timed_out": ("clock", "bad"),
}
_QUESTION = {
    "pending": ("hand-raised", "waiting"),
    "decided": ("check", "good"),
    "expired": ("clock", "quiet"),
    "withdrawn": ("no-symbol", "quiet"),
    "answered_outside": ("arrow-top-right-on-square", "quiet"),
}
_VERDICT = {
    Verdict.APPROVE: ("check", "good", "approved"),
    Verdict.EDIT: ("pencil-square", "good", "edited, then approved"),
    Verdict.REJECT: ("x-mark", "bad", "rejected"),
    Verdict.RESPOND: ("chat-bubble-left", "good", "answered"),
    Verdict.RETRY: ("arrow-path", "running", "to be tried again"),
    Verdict.CHANGES: ("arrow-uturn-left", "waiting", "changes asked for"),
}
_DELIVERY = {
    "recorded": ("inbox-arrow-down", "running"),
    "undone": ("arrow-uturn-left", "quiet"),
    "delivered": ("paper-airplane", "running"),
    "undeliverable": ("exclamation-triangle", "bad"),
    "unread": ("exclamation-triangle", "bad"),
    "refused": ("no-symbol", "bad"),
    "acted_on": ("check", "good"),
}
_RISK = {
    "low": Mark("shield-check", "quiet", "low risk"),
    "medium": Mark("shield-exclamation", "quiet", "medium risk"),
    "high": Mark("exclamation-triangle", "bad", "high risk"),
}
_TIMEOUT = {
    TimeoutVerdict.TOO_TIGHT: ("exclamation-triangle", "bad"),
    TimeoutVerdict.TOO_LOOSE: ("clock", "waiting"),
    TimeoutVerdict.NOT_SET: ("exclamation-circle", "waiting"),
    TimeoutVerdict.FINE: ("check", "good"),
    TimeoutVerdict.TOO_FEW: ("ellipsis-horizontal", "quiet"),
}
_DRILL = {
    "running": ("play", "running"),
    "passed": ("check", "good"),
    "failed": ("x-mark", "bad"),
    "interrupted": ("no-symbol", "quiet"),
}
_SAID = {
    "bad": "bolt",
    "good": "check",
    "running": "arrow-path",
    "waiting": "clock",
}
_ACTIVITY = {
    "scheduled": ("clock", "quiet", "waits for a worker"),
    "running": ("play", "running", "running"),
    "canceling": ("no-symbol", "quiet", "asked to cancel"),
    "paused": ("pause", "quiet", "paused"),
    "pausing": ("pause", "quiet", "paused after this try"),
}
_MESSAGE = {
    "pending": ("clock", "running", "pending"),
    "sent": ("paper-airplane", "good", "sent"),
    "superseded": ("check", "quiet", "no longer needed"),
    "undone": ("arrow-uturn-left", "quiet", "undone"),
    "refused": ("no-symbol", "bad", "refused"),
}
_TOOL = {
    "running": ("play", "running"),
    "waiting": ("hand-raised", "waiting"),
    "done": ("check", "good"),
    "refused": ("no-symbol", "quiet"),
    "failed": ("exclamation-triangle", "bad"),
}
CHILD_WAITS = Mark("hand-raised", "waiting", "a run below waits for a person")
_MESSAGE_IN_WORDS = {
    "recorded": Mark("inbox-arrow-down", "running", "recorded, on its way to the agent"),
    "delivered": Mark("paper-airplane", "running", "delivered, waiting for the agent"),
    "unanswered": Mark("exclamation-triangle", "bad", "unanswered: the conversation ended before"),
    "unfinished": Mark("no-symbol", "quiet", "not finished: the run ended before"),
    "undelivered": Mark("no-symbol", "bad", "not delivered"),
}
_KINDS = {
    StepKind.TIMER: "clock",
    StepKind.CHILD: "rectangle-stack",
    StepKind.SIGNAL: "signal",
    StepKind.UPDATE: "pencil",
}


def of_run(run: Run) -> Mark:
    if run.is_open and run.waiting_for_human:
        return Mark("hand-raised", "waiting", "waiting for a person")
    return Mark(*_RUN[run.status], run.get_status_display().lower())


def of_step(step: Step) -> Mark:
    icon, tone = _STEP[step.status]
    if step.ended and tone == "good":
        icon = _KINDS.get(StepKind(step.kind), icon)
    return Mark(icon, tone, step.get_status_display().lower())


def of_attempt(attempt: Attempt) -> Mark:
    return Mark(*_STEP[attempt.outcome], attempt.get_outcome_display().lower())


def of_question(escalation: Escalation) -> Mark:
    return Mark(*_QUESTION[escalation.state], escalation.get_state_display().lower())


def of_activity(activity: ActivityNow) -> Mark:
    if activity.state == "scheduled" and activity.is_retrying and not activity.is_paused:
        return Mark("arrow-path", "waiting", "waits for its next try")
    state = "paused" if activity.is_paused and activity.state == "scheduled" else activity.state
    return Mark(*_ACTIVITY.get(state, ("clock", "quiet", activity.state)))


def of_message(message: Message) -> Mark:
    return Mark(*_MESSAGE[message.state])


def of_decision(decision: Decision) -> Mark:
    return Mark(*_VERDICT[Verdict(decision.verdict)])


def of_drill(drill: Drill) -> Mark:
    return Mark(*_DRILL[drill.standing], drill.standing)


def of_drill_line(line: DrillLine) -> Mark:
    return Mark(_SAID.get(line.tone, "minus"), line.tone, "")


def of_delivery(state: str, word: str) -> Mark:
    return Mark(*_DELIVERY[state], word)


def of_risk(risk: str) -> Mark:
    return _RISK[risk]


def of_timeout(verdict: TimeoutVerdict) -> Mark:
    return Mark(*_TIMEOUT[verdict], str(verdict.label))


def of_tool(turn: Turn) -> Mark:
    return Mark(*_TOOL[turn.state], turn.get_state_display().lower())


def of_words(fate: str) -> Mark:
    """What became of something that a person said in a conversation and that has no answer yet."""
    return _MESSAGE_IN_WORDS[fate]
