"""A conversation: what was said, what is being written, what waits for a person; and saying something."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render

from reviews.conversations import actions
from reviews.conversations.actions import FIRST
from reviews.conversations.models import ToolState, Turn, TurnRole
from reviews.conversations.queries import (
    answered_in,
    conversation_of,
    first_message,
    messages_of,
    newest_run,
    takes_messages,
    turns_of,
    writing_now,
)
from reviews.outbox.models import Message, MessageState
from reviews.pages import addresses, marks
from reviews.pages.attempts import new_attempt, once
from reviews.pages.edge import PageRequest, page
from reviews.pages.numbers import number_in
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.actions import RunClosed
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run, RunStatus
from reviews.runs.queries import run_for
from reviews.workspaces.access import Right, Viewer

SHOWN = 50
"""Turns on one page."""
SENT_BEFORE = "This was recorded before with other words. Look at what stands above, then send it again."


@page("GET")
def chat(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """The newest turns, or those before ``before``. A page that is open asks with what it has ``shown``."""
    run = run_for(request.viewer, run_id)
    talk = Talk(request.viewer, run, before=number_in(request.GET, "before"))
    if request.htmx and request.GET.get("shown") == talk.version:
        return render(request, "chat/_writing.html", {"talk": talk, "run": talk.run})
    response = _rendered(request, talk)
    if request.htmx:
        response["HX-Retarget"] = "#chat"
    return response


@page("POST")
def turns(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """Say ``text``. What cannot be said comes back with the reason, and nothing of it is lost."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    text = request.POST.get("text", "")
    return _done(request, run, lambda: actions.say(run, text, by=request.viewer.account), draft=text)


@page("POST")
def ending(request: PageRequest, run_id: uuid.UUID) -> HttpResponse:
    """End the conversation, once what was said before is answered."""
    run = run_for(request.viewer, run_id, Right.RUNS_CONTROL)
    return _done(request, run, lambda: actions.end(run, by=request.viewer.account))


def _done(request: PageRequest, run: Run, effect: Callable[[], object], *, draft: str = "") -> HttpResponse:
    def act() -> str:
        effect()
        return addresses.of_chat(run)

    try:
        address = once(request, act)
    except InvalidInput as error:
        return _refused(request, run, HTTPStatus.UNPROCESSABLE_ENTITY, error.faults[0].message, draft)
    except RunClosed as error:
        words = f"The conversation has ended ({error}): this was not sent."
        return _refused(request, run, HTTPStatus.CONFLICT, words, draft)
    except IdempotencyKeyReused:
        return _refused(request, run, HTTPStatus.CONFLICT, SENT_BEFORE, draft)
    return _rendered(request, Talk(request.viewer, run)) if request.htmx else redirect(address)


def _refused(request: PageRequest, run: Run, status: HTTPStatus, error: str, draft: str) -> HttpResponse:
    response = _rendered(request, Talk(request.viewer, run), draft=draft, error=error)
    response.status_code = status
    return response


def _rendered(request: PageRequest, talk: Talk, **context: Any) -> HttpResponse:
    template = "chat/_main.html" if request.htmx else "chat/page.html"
    return render(request, template, {"talk": talk, "run": talk.run, **context})


@dataclass(frozen=True)
class Bubble:
    """One turn; ``fate`` says what became of a message that has no answer yet."""

    turn: Turn
    fate: marks.Mark | None
    trouble: str = ""
    is_over: bool = False

    @property
    def mark(self) -> marks.Mark:
        """Of a tool's call."""
        question = self.turn.escalation
        if self.turn.state == ToolState.WAITING and question is not None and not question.is_pending:
            return marks.of_question(question)
        if self.is_over and self.turn.state in (ToolState.RUNNING, ToolState.WAITING):
            return marks.of_words("unfinished")
        return marks.of_tool(self.turn)

    @property
    def waits(self) -> bool:
        question = self.turn.escalation
        return self.turn.state == ToolState.WAITING and question is not None and question.is_pending


class Talk:
    """What the page shows of a conversation to one viewer; ``run`` is the execution that hears what is said now."""

    def __init__(self, viewer: Viewer, run: Run, *, before: int | None = None) -> None:
        self.asked = run
        self.run = newest_run(run)
        self.before = before
        self.attempt = new_attempt()
        self.conversation = conversation_of(run)
        self.takes_messages = takes_messages(run)
        self.may_control = viewer.may(Right.RUNS_CONTROL, self.run.workspace_id)
        self.may_speak = self.may_control and self.run.is_live and self.takes_messages
        self.may_decide = viewer.may(Right.ESCALATIONS_DECIDE, self.run.workspace_id)

    @cached_property
    def _turns(self) -> list[Turn]:
        if self.conversation is None:
            return self._first
        turns = turns_of(self.conversation)
        if self.before is not None:
            turns = turns.filter(number__lt=self.before)
        return list(turns.order_by("-number")[: SHOWN + 1])

    @property
    def _first(self) -> list[Turn]:
        """What the run was started with, until a worker or another message comes."""
        text = first_message(self.asked)
        by, at = self.asked.started_by, self.asked.created_at
        return (
            [Turn(number=1, key=FIRST, role=TurnRole.PERSON, text=text, by=by, created_at=at)] if text else []
        )

    @cached_property
    def bubbles(self) -> list[Bubble]:
        """The oldest first."""
        shown = self._turns[:SHOWN][::-1]
        people = [turn for turn in shown if turn.role == TurnRole.PERSON]
        answered = answered_in(self.conversation, people)
        # What the agent is at is told by what it writes, and by its tools.
        answered |= {turn.key.partition("#")[0] for turn in shown if turn.role != TurnRole.PERSON}
        waiting = [turn for turn in people if turn.key not in answered]
        if self.writing is not None and waiting:
            answered.add(waiting.pop(0).key)
        messages = messages_of(waiting)
        return [self._bubble(turn, answered, messages) for turn in shown]

    def _bubble(self, turn: Turn, answered: set[str], messages: dict[str, Message]) -> Bubble:
        if turn.role != TurnRole.PERSON or turn.key in answered:
            return Bubble(turn, None, is_over=not self.run.is_open)
        message = messages.get(turn.key)
        if self.run.status == RunStatus.STARTING:
            return Bubble(turn, marks.of_words("recorded"))
        if message is None or message.state == MessageState.SENT:
            fate = marks.of_words("delivered" if self.run.is_open else "unanswered")
            return Bubble(turn, fate)
        fate = marks.of_words("undelivered" if message.state == MessageState.REFUSED else "recorded")
        return Bubble(turn, fate, message.last_error)

    @property
    def earlier(self) -> int | None:
        """What ``before`` is on the page before this one."""
        return self._turns[SHOWN - 1].number if len(self._turns) > SHOWN else None

    @cached_property
    def writing(self) -> str | None:
        """What is written of an answer so far; None where none is being written."""
        attempt = writing_now(self.run, self.conversation) if self.run.is_live and not self.before else None
        if attempt is None:
            return None
        progress = attempt.progress if isinstance(attempt.progress, dict) else {}
        return str(progress.get("text", ""))

    @cached_property
    def _newest_fates(self) -> str:
        return "".join(one.fate.word[0] + "!" * bool(one.trouble) for one in self.bubbles if one.fate)

    @property
    def version(self) -> str:
        """Differs when anything on the page does but what is being written."""
        changed = [
            bubble.turn.state + ("w" if bubble.waits else "") for bubble in self.bubbles if bubble.turn.tool
        ]
        last = self.conversation.last_number if self.conversation else 0
        return "-".join([str(last), self.run.status, str(self.run.id)[:8], self._newest_fates, *changed[-3:]])

    @property
    def topics(self) -> str:
        topics = [f"run:{self.run.id}", f"message:{self.run.id}"]
        if self.conversation:
            topics.append(f"conversation:{self.conversation.id}")
        topics += [f"escalation:{one.turn.escalation_id}" for one in self.bubbles if one.waits]
        return " ".join(topics)
