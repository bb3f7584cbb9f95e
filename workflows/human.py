"""Asking people from a workflow. Needs temporalio alone.

    answer = await human.ask(
        title="Refund 420.00 to Northwind?",
        proposal={"amount": 420.0},
        options=[human.approve("pays 420.00"), human.reject("pays nothing")],
        policy=human.policy(deadline=timedelta(hours=1), on_deadline="reject"),
    )
    if answer.approved:
        await human.carry_out(pay(Payment(answer.values, key=answer.idempotency_key)))
    await human.drain()

An answer reaches the workflow exactly once, whether it came by signal, was found when the deadline fired, or
was sent past Agentsite as a bare string. Call :func:`drain` before the workflow ends, and :func:`carry` and
:func:`restore` around a continue-as-new.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from temporalio import workflow

from workflows import contracts
from workflows.contracts import (
    HUMAN_INPUT_SIGNAL,
    WAITING_ATTRIBUTE,
    AcknowledgeRequest,
    Asked,
    AskRequest,
    Evidence,
    HumanInput,
    OnDeadline,
    Option,
    OutsideAnswer,
    Policy,
    Reviewer,
    Risk,
    SettleReason,
    SettleRequest,
    VerdictName,
)

T = TypeVar("T")
_VERDICTS = ("approve", "edit", "reject", "respond", "retry", "changes")


# What a question is made of


def approve(consequence: str, label: str = "Approve") -> Option:
    return Option("approve", label, consequence)


def edit(consequence: str, label: str = "Edit") -> Option:
    return Option("edit", label, consequence)


def reject(consequence: str, label: str = "Reject") -> Option:
    return Option("reject", label, consequence)


def respond(consequence: str, label: str = "Answer") -> Option:
    return Option("respond", label, consequence)


def retry(consequence: str, label: str = "Try again") -> Option:
    return Option("retry", label, consequence)


def changes(consequence: str, label: str = "Ask for changes") -> Option:
    return Option("changes", label, consequence)


def policy(
    *,
    deadline: timedelta | None = None,
    on_deadline: OnDeadline = "expire",
    risk: Risk = "medium",
    starter_may_decide: bool = True,
) -> Policy:
    """``deadline`` counts from now, by the workflow's clock."""
    at = _rfc3339(workflow.now() + deadline) if deadline is not None else None
    return Policy(deadline=at, on_deadline=on_deadline, risk=risk, starter_may_decide=starter_may_decide)


@dataclass
class Answer:
    """How a question ended. ``values`` are the proposal as it takes effect: as asked, or as edited.

    ``verdict`` is None when nobody answered and the policy says ``expire``. ``text`` is what a person wrote
    in answer to a ``respond``.
    """

    escalation_id: str
    state: Literal["decided", "expired", "answered_outside"]
    verdict: VerdictName | None
    values: dict[str, Any]
    text: str = ""
    comment: str = ""
    decision_id: str | None = None
    reviewer: Reviewer | None = None

    @property
    def approved(self) -> bool:
        return self.verdict in ("approve", "edit")

    @property
    def idempotency_key(self) -> str:
        """For the activities that act on it: the decision's id, or the escalation's where a default acts."""
        return self.decision_id or self.escalation_id


@dataclass
class QuestionState:
    """A question as it travels through continue-as-new."""

    asked: Asked
    verdicts: list[VerdictName]
    policy: Policy
    answer: Answer | None = None


@dataclass
class DeskState:
    """What :func:`carry` gives and :func:`restore` takes."""

    questions: list[QuestionState] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


# What a workflow calls


async def ask(
    *,
    title: str,
    options: Sequence[Option],
    proposal: Any = None,
    description: str = "",
    before: dict[str, Any] | None = None,
    form: Any = None,
    evidence: Sequence[Evidence] = (),
    policy: Policy | None = None,
    workspace: str | None = None,
) -> Answer:
    """Ask and wait for the answer. See :func:`open` for the arguments.

    Raises ``asyncio.CancelledError`` when the workflow is canceled; the question is withdrawn then.
    """
    question = await open(
        title=title,
        options=options,
        proposal=proposal,
        description=description,
        before=before,
        form=form,
        evidence=evidence,
        policy=policy,
        workspace=workspace,
    )
    return await question.answer()


async def open(
    *,
    title: str,
    options: Sequence[Option],
    proposal: Any = None,
    description: str = "",
    before: dict[str, Any] | None = None,
    form: Any = None,
    evidence: Sequence[Evidence] = (),
    policy: Policy | None = None,
    workspace: str | None = None,
) -> Question:
    """Ask without waiting, so that several questions can be open at once.

    ``proposal``: a dict, a dataclass or a pydantic model. ``form``: its JSON Schema, or the pydantic model's class.
    Raises ``ActivityError`` (cause ``ApplicationError`` of type ``InvalidProposal``) for a question that cannot
    be shown.
    """
    request = AskRequest(
        request_id=str(workflow.uuid4()),
        title=title,
        options=list(options),
        proposal=_plain(proposal),
        description=description,
        before=before,
        form=form if isinstance(form, dict | None) else form.model_json_schema(),
        evidence=list(evidence),
        policy=policy or Policy(),
        workspace=workspace,
    )
    return await _desk().open(request)


def carry() -> DeskState:
    """The open questions, for the argument of ``continue_as_new``. :func:`drain` before, and await nothing after."""
    return _desk().carry()


def restore(state: DeskState) -> list[Question]:
    """In the next run, before anything else: the questions that :func:`carry` took along, in their order."""
    return _desk().restore(state)


async def carry_out(work: Coroutine[Any, Any, T]) -> T:
    """Do what a person decided to its end, though the workflow is canceled meanwhile: the page says "acted on".

    Raises ``asyncio.CancelledError`` when it is done, if the workflow was canceled.
    """
    return await _to_its_end(work)


async def drain() -> None:
    """Wait until every decision that arrived is acknowledged. Call it last, also on the way out of an error."""
    await _desk().drain()


class Question:
    """One open question. ``proposal`` is the cleaned one that people are shown."""

    def __init__(self, desk: _Desk, state: QuestionState) -> None:
        self._desk = desk
        self._state = state
        self._closing = False

    @property
    def escalation_id(self) -> str:
        return self._state.asked.escalation_id

    @property
    def proposal(self) -> dict[str, Any]:
        return self._state.asked.proposal

    @property
    def url(self) -> str:
        return self._state.asked.url

    @property
    def answered(self) -> bool:
        return self._state.answer is not None

    async def answer(self) -> Answer:
        """Wait until a person answers, the deadline passes or the workflow is canceled."""
        if await self._canceled_while_waiting():
            await self.withdraw()
            raise asyncio.CancelledError
        self._desk.close(self)
        answer = cast(Answer, self._state.answer)
        if answer.decision_id is not None:
            self._desk.acknowledge(answer.decision_id, self.escalation_id, "acted_on")
        return answer

    async def _canceled_while_waiting(self) -> bool:
        try:
            await workflow.wait_condition(
                lambda: self.answered, timeout=self._remaining(), timeout_summary="deadline of the question"
            )
        except TimeoutError:
            _, canceled = await _to_its_end_noting(self._expire())
            return canceled
        except asyncio.CancelledError:
            return True
        return False

    async def withdraw(self) -> None:
        """Close the question without an answer. A decision that was made before is refused, and told so."""
        # In the background, so that drain() waits for it when a gather() is left with it under way.
        _, canceled = await _to_its_end_noting(self._desk.in_background(self._withdraw()))
        if canceled:
            raise asyncio.CancelledError

    async def _withdraw(self) -> None:
        await self._settle("withdrawn")
        answer, self._state.answer = self._state.answer, None
        self._desk.close(self)
        if answer is not None and answer.decision_id is not None:
            reason = "The run withdrew the question before it acted on this decision."
            self._desk.acknowledge(answer.decision_id, self.escalation_id, "refused", reason)

    def take(self, given: HumanInput) -> str | None:
        """Accept a person's decision. Answers why not."""
        if given.digest != self._state.asked.digest:
            return "The decision was made on another proposal: its digest differs."
        if given.verdict not in self._state.verdicts:
            return f"The verdict {given.verdict!r} is not among the options."
        if given.verdict == "edit" and not isinstance(given.response, dict):
            return "An edit carries the whole edited values."
        if self.answered:
            return "The question was answered already."
        self._state.answer = self._answer_of(given)
        return None

    async def take_text(self, text: str) -> str | None:
        """Accept an answer from outside: it is settled before it counts. Answers why not."""
        verdict = self._verdict_of(text)
        if verdict is None:
            return f"{text!r} is not among the options {self._state.verdicts}."
        if self.answered or self._closing:
            return "The question was answered already."
        await self._settle("answered_outside", OutsideAnswer(text=text, verdict=verdict))
        return None

    def _remaining(self) -> timedelta | None:
        deadline = self._state.policy.deadline
        if deadline is None:
            return None
        return max(datetime.fromisoformat(deadline) - workflow.now(), timedelta(milliseconds=1))

    async def _expire(self) -> None:
        await self._settle("expired")
        if not self.answered:
            verdicts: dict[OnDeadline, VerdictName | None] = {
                "expire": None,
                "reject": "reject",
                "approve": "approve",
            }
            verdict = verdicts[self._state.policy.on_deadline]
            self._state.answer = Answer(self.escalation_id, "expired", verdict, self.proposal)

    async def _settle(self, reason: SettleReason, answer: OutsideAnswer | None = None) -> None:
        """Close it in the database, and take what was recorded there first."""
        self._closing = True
        settled = await contracts.settle(SettleRequest(self.escalation_id, reason, answer))
        if self.answered:
            return
        if settled.decision is not None:
            self._desk.note(settled.decision.decision_id)
            self._state.answer = self._answer_of(settled.decision)
        elif settled.answer is not None:
            text, verdict = settled.answer.text, settled.answer.verdict
            self._state.answer = Answer(
                self.escalation_id,
                "answered_outside",
                verdict,
                self.proposal,
                text if verdict == "respond" else "",
            )

    def _answer_of(self, given: HumanInput) -> Answer:
        response = given.response or {}
        return Answer(
            escalation_id=self.escalation_id,
            state="decided",
            verdict=given.verdict,
            values=response if given.verdict == "edit" else self.proposal,
            text=str(response.get("text", "")) if given.verdict == "respond" else "",
            comment=given.comment,
            decision_id=given.decision_id,
            reviewer=given.reviewer,
        )

    def _verdict_of(self, text: str) -> VerdictName | None:
        word = text.strip().lower()
        for verdict in self._state.verdicts:
            if verdict == word and verdict not in ("edit", "respond"):
                return verdict
        return "respond" if "respond" in self._state.verdicts and word else None


class _Desk:
    """All questions of one workflow run, and the signal handler that answers come in by."""

    def __init__(self) -> None:
        self.questions: dict[str, Question] = {}
        self.seen: dict[str, None] = {}
        self.asking = 0
        self.early: list[HumanInput | str] = []
        self.background: set[asyncio.Task[None]] = set()

    async def open(self, request: AskRequest) -> Question:
        self.asking += 1
        self.listen()
        try:
            asked, canceled = await _to_its_end_noting(contracts.ask(request, summary=request.title[:200]))
        finally:
            self.asking -= 1
        verdicts = [option.verdict for option in request.options]
        question = self._add(QuestionState(asked, verdicts, request.policy))
        self._take_early()
        if canceled:
            await question.withdraw()
            raise asyncio.CancelledError
        return question

    def listen(self) -> None:
        """Answers that came before are handed over at once, so ``asking`` or the questions are set first."""
        if workflow.get_signal_handler(HUMAN_INPUT_SIGNAL) is None:
            workflow.set_signal_handler(HUMAN_INPUT_SIGNAL, self.receive)

    def receive(self, value: Any = None, *more: Any) -> None:
        """Whatever was sent under the signal's name. It never raises: that would fail the workflow's task."""
        if more:
            value = [value, *more]
        if isinstance(value, str):
            self._receive_text(value)
            return
        given = _parsed(value)
        if given is None:
            workflow.logger.warning(
                "Ignored a %s signal that is no HumanInput: %r", HUMAN_INPUT_SIGNAL, value
            )
            self._refuse_unreadable(value)
        else:
            self._receive_decision(given)

    def _receive_decision(self, given: HumanInput) -> None:
        if given.decision_id in self.seen:
            return
        question = self.questions.get(given.escalation_id)
        if question is None and self.asking:
            self.early.append(given)
            return
        self.note(given.decision_id)
        refusal = question.take(given) if question else "This run has no open question of this id."
        if refusal is not None:
            workflow.logger.warning("Refused decision %s: %s", given.decision_id, refusal)
            self.acknowledge(given.decision_id, given.escalation_id, "refused", refusal)

    def _receive_text(self, text: str) -> None:
        waiting = [question for question in self.questions.values() if not question.answered]
        if not waiting and self.asking:
            self.early.append(text)
        elif len(waiting) == 1 and not self.asking:
            self.in_background(self._take_text(waiting[0], text))
        else:
            workflow.logger.warning(
                "Refused the answer %r: %d questions are open", text, len(waiting) + self.asking
            )

    async def _take_text(self, question: Question, text: str) -> None:
        if refusal := await question.take_text(text):
            workflow.logger.warning("Refused the answer %r: %s", text, refusal)

    def _refuse_unreadable(self, value: Any) -> None:
        if isinstance(value, dict) and isinstance(value.get("decision_id"), str):
            escalation_id = str(value.get("escalation_id", ""))
            self.acknowledge(
                value["decision_id"], escalation_id, "refused", "The signal's content could not be read."
            )

    def _take_early(self) -> None:
        early, self.early = self.early, []
        for value in early:
            if isinstance(value, str):
                self._receive_text(value)
            else:
                self._receive_decision(value)

    def note(self, decision_id: str) -> None:
        self.seen[decision_id] = None

    def acknowledge(
        self, decision_id: str, escalation_id: str, outcome: Literal["acted_on", "refused"], reason: str = ""
    ) -> None:
        self.in_background(self._acknowledge(AcknowledgeRequest(escalation_id, decision_id, outcome, reason)))

    async def _acknowledge(self, request: AcknowledgeRequest) -> None:
        await contracts.acknowledge(request)

    def in_background(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self.background.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.background.discard(task)
        if not task.cancelled() and (error := task.exception()):
            workflow.logger.warning("A message for Agentsite failed: %s", error)

    def close(self, question: Question) -> None:
        self.questions.pop(question.escalation_id, None)
        self._show_waiting(question)

    def _add(self, state: QuestionState) -> Question:
        question = self.questions[state.asked.escalation_id] = Question(self, state)
        self._show_waiting(question)
        return question

    def _show_waiting(self, question: Question) -> None:
        # Upserting an attribute that is not registered fails the workflow's task.
        if question._state.asked.waiting_attribute:
            workflow.upsert_search_attributes([WAITING_ATTRIBUTE.value_set(bool(self.questions))])

    def carry(self) -> DeskState:
        return DeskState([question._state for question in self.questions.values()], list(self.seen))

    def restore(self, state: DeskState) -> list[Question]:
        self.seen.update(dict.fromkeys(state.seen))
        questions = [self._add(carried) for carried in state.questions]
        self.listen()
        return questions

    async def drain(self) -> None:
        for early in self.early:
            if isinstance(early, HumanInput):
                self.acknowledge(
                    early.decision_id, early.escalation_id, "refused", "The run never asked this."
                )
        self.early = []
        while self.background:
            await _to_its_end(asyncio.wait(list(self.background)))


def _desk() -> _Desk:
    """The desk of the workflow that calls, kept on its instance."""
    instance = workflow.instance()
    desk: _Desk | None = getattr(instance, "_agentsite_desk", None)
    if desk is None:
        desk = _Desk()
        instance._agentsite_desk = desk
    return desk


async def _to_its_end(work: Coroutine[Any, Any, T]) -> T:
    """Finish ``work`` though the workflow is canceled meanwhile, then raise the cancellation."""
    result, canceled = await _to_its_end_noting(work)
    if canceled:
        raise asyncio.CancelledError
    return result


async def _to_its_end_noting(work: Coroutine[Any, Any, T] | asyncio.Task[T]) -> tuple[T, bool]:
    task, canceled = asyncio.ensure_future(work), False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled():
                raise
            canceled = True
        except Exception:  # noqa: BLE001 (raised below, by result())
            break
    return task.result(), canceled


def _parsed(value: Any) -> HumanInput | None:
    """A ``HumanInput`` out of whatever JSON came; unknown fields are ignored."""
    match value:
        case {
            "decision_id": str(decision_id),
            "escalation_id": str(escalation_id),
            "verdict": str(verdict),
            "digest": str(digest),
        } if verdict in _VERDICTS:
            reviewer = value.get("reviewer")
            reviewer = reviewer if isinstance(reviewer, dict) else {}
            response = value.get("response")
            return HumanInput(
                decision_id=decision_id,
                escalation_id=escalation_id,
                verdict=cast(VerdictName, verdict),
                digest=digest,
                reviewer=Reviewer(str(reviewer.get("id", "")), str(reviewer.get("name", ""))),
                decided_at=str(value.get("decided_at", "")),
                response=response if isinstance(response, dict) else None,
                comment=str(value.get("comment") or ""),
            )
        case _:
            return None


def _plain(proposal: Any) -> dict[str, Any]:
    if proposal is None:
        return {}
    if is_dataclass(proposal) and not isinstance(proposal, type):
        return asdict(proposal)
    if hasattr(proposal, "model_dump"):
        return cast(dict[str, Any], proposal.model_dump(mode="json"))
    return cast(dict[str, Any], proposal)


def _rfc3339(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
