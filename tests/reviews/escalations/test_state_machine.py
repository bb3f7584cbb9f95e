"""Escalation × claim × decision × deadline × undo × cancel × reset × continue-as-new × crash, in any order.

The actions run against PostgreSQL; Temporal and the workflow are the model beside this file. A crash is a step
that was left half done: a message handed over and not marked, an acknowledgment or a mirrored fact that comes late
or twice.
"""

from __future__ import annotations

import uuid
from contextlib import suppress

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from reviews.audit.models import AuditEvent
from reviews.escalations import actions
from reviews.escalations.faults import AlreadyDecided, Conflict, ProposalChanged, TooLate, Withdrawn
from reviews.escalations.models import (
    DELIVERY_RANK,
    Decision,
    DeliveryState,
    Escalation,
    EscalationState,
)
from reviews.outbox import actions as outbox
from reviews.outbox.models import Message, MessageKind
from reviews.runs import mirroring
from reviews.runs.actions import RunClosed
from reviews.runs.models import Run, RunStatus
from tests.reviews.escalations.model_of_temporal import Acknowledgment, Execution, Ledger, question_of
from tests.support.people import People

SAD_ENDS = {DeliveryState.REFUSED, DeliveryState.UNREAD, DeliveryState.UNDELIVERABLE, DeliveryState.UNDONE}
QUESTION = {
    "title": "Pay?",
    "proposal": {"amount": 1},
    "options": [
        {"verdict": "approve", "consequence": "pays"},
        {"verdict": "reject", "consequence": "pays nothing"},
    ],
}


STEPS = [
    name
    for name, weight in {
        "ask": 3,
        "decide": 6,
        "decide_on_what_was_not_shown": 1,
        "claim": 1,
        "undo": 2,
        "carry": 6,
        "carry_and_die": 3,
        "read_signal": 6,
        "acknowledge": 4,
        "expire": 1,
        "answer_outside": 1,
        "withdraw": 1,
        "continue_as_new": 1,
        "reset": 2,
        "terminate": 1,
        "mirror": 4,
        "ask_too_late": 1,
    }.items()
    for _ in range(weight)
]


class DecisionsPath(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.ask(0, False)

    @rule(
        steps=st.lists(
            st.tuples(st.sampled_from(STEPS), st.integers(0, 11), st.booleans()), min_size=2, max_size=5
        )
    )
    def go_on(self, steps: list[tuple[str, int, bool]]) -> None:
        """Steps drawn by weight, several a rule: drawn one by one and evenly, most runs would die young."""
        for name, pick, twist in steps:
            getattr(self, name)(pick, twist)

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        people = People()
        self.reviewers = [people.alice, people.bob, people.ada]
        self.epoch = outbox.raise_epoch("state machine", 1)
        self.workspace, self.starter = people.home, people.alice
        self.executions: list[Execution] = []
        self.asked: list[uuid.UUID] = []
        self.ledger = Ledger()
        self.acknowledgments: list[Acknowledgment] = []
        self.unmirrored: list[tuple[str, Execution]] = []
        self.ranks: dict[uuid.UUID, int] = {}
        self._start()

    def _start(self) -> None:
        self._opened(Execution(self._new_run()))

    def _new_run(self) -> Run:
        run_id = uuid.uuid4()
        return Run.objects.create(
            id=run_id,
            chain=run_id,
            workspace=self.workspace,
            namespace=self.workspace.namespace,
            workflow_id="payer",
            run_id=str(run_id),
            agent="payer",
            started_by=self.starter,
            status=RunStatus.RUNNING,
            created_at=timezone.now(),  # the database's clock stands still within a transaction
        )

    def _opened(self, execution: Execution) -> Execution:
        self.executions.append(execution)
        return execution

    @property
    def now(self) -> Execution:
        return self.executions[-1]

    # What the workflow does

    def ask(self, pick: int, twist: bool) -> None:
        if not self.now.open or len(self.now.questions) > 4:
            return
        request = {"request_id": str(uuid.uuid4()), **QUESTION}
        activity_id = str(len(self.executions) * 100 + len(self.now.questions))
        for _ in range(2 if twist else 1):  # the worker died before Temporal heard of it
            escalation = actions.open_escalation(self._row(self.now), request, activity_id=activity_id)
        self.now.questions.append(question_of(escalation))
        self.asked.append(escalation.id)

    def read_signal(self, pick: int, twist: bool) -> None:
        execution = self.now
        if not execution.open or execution.read == len(execution.signals):
            return
        body = execution.signals[execution.read]
        execution.read += 1
        if body["decision_id"] in execution.seen:
            return
        execution.seen.add(body["decision_id"])
        question = execution.question(body["escalation_id"])
        if question is None or question.done or question.digest != body["digest"]:
            self._say(execution, body["decision_id"], "refused")
        else:
            question.done = True
            self.ledger.act(body["decision_id"], body["digest"])
            self._say(execution, body["decision_id"], "acted_on")

    def expire(self, pick: int, twist: bool) -> None:
        self._settle("expired", pick, twist)

    def answer_outside(self, pick: int, twist: bool) -> None:
        self._settle("answered_outside", pick, twist)

    def withdraw(self, pick: int, twist: bool) -> None:
        self._settle("withdrawn", pick, twist)

    def _settle(self, reason: str, pick: int, repeated: bool) -> None:
        execution, waiting = self.now, self.now.waiting()
        if not execution.open or not waiting:
            return
        question = waiting[pick % len(waiting)]
        for _ in range(2 if repeated else 1):
            escalation = actions.settle(question.escalation_id, reason, run_id=execution.run.run_id or "")
        question.done = True
        decision = escalation.decision
        if decision is None:
            assert escalation.state != EscalationState.PENDING
        elif str(decision.id) not in execution.seen:
            execution.seen.add(str(decision.id))
            if reason == "withdrawn":
                self._say(execution, str(decision.id), "refused")
            else:
                self.ledger.act(str(decision.id), decision.digest)
                self._say(execution, str(decision.id), "acted_on")

    def acknowledge(self, pick: int, twist: bool) -> None:
        if not self.acknowledgments:
            return
        said = self.acknowledgments.pop(0)
        for _ in range(2 if twist else 1):
            actions.acknowledge(said.decision_id, said.outcome, "as said", run_id=said.run_id)

    def _say(self, execution: Execution, decision_id: str, outcome: str) -> None:
        self.acknowledgments.append(
            Acknowledgment(uuid.UUID(decision_id), outcome, execution.run.run_id or "")
        )

    # What people do

    def decide(self, pick: int, twist: bool) -> None:
        before = self._any_question(pick)
        verdict = "reject" if twist else "approve"
        try:
            actions.decide(before, by=self.reviewers[pick % 3], verdict=verdict, digest=before.digest)
        except AlreadyDecided:
            assert before.state == EscalationState.DECIDED
        except Withdrawn:
            assert before.state not in (EscalationState.PENDING, EscalationState.DECIDED)
        else:
            assert before.state == EscalationState.PENDING

    def decide_on_what_was_not_shown(self, pick: int, twist: bool) -> None:
        escalation = self._any_question(pick)
        with pytest.raises(Conflict) as refusal:
            actions.decide(escalation, by=self.reviewers[0], verdict="approve", digest="0" * 64)
        if escalation.is_pending:
            assert isinstance(refusal.value, ProposalChanged)

    def claim(self, pick: int, twist: bool) -> None:
        escalation = self._any_question(pick)
        with suppress(Conflict):
            actions.claim(escalation, by=self.reviewers[pick % 3])
            assert escalation.is_pending
        if twist:
            actions.release(escalation, by=self.reviewers[pick % 3])

    def undo(self, pick: int, twist: bool) -> None:
        made = list(Decision.objects.select_related("delivery").order_by("-decided_at"))
        if not made:
            return
        decision = made[pick % len(made)]
        handed_over = Message.objects.filter(subject=decision.id).exclude(tried_at=None).exists()
        try:
            actions.undo(decision, by=decision.by)
        except TooLate:
            assert decision.delivery.state != DeliveryState.UNDONE
        else:
            assert decision.delivery.state == DeliveryState.UNDONE or not handed_over

    def _any_question(self, pick: int) -> Escalation:
        """One of the newest, so that most are still open."""
        newest = self.asked[-4:]
        return Escalation.objects.get(id=newest[pick % len(newest)])

    # What the courier does

    def carry(self, pick: int, twist: bool) -> None:
        self._carry_all(dies="")

    def carry_and_die(self, pick: int, twist: bool) -> None:
        self._carry_all(dies="before the call" if twist else "before the mark")

    def _carry_all(self, dies: str) -> None:
        for message in list(Message.objects.due()):
            assert message.kind == MessageKind.SIGNAL
            self._carry(message, dies)

    def _carry(self, message: Message, dies: str) -> None:
        if not outbox.begin(message, message.run_id, epoch=self.epoch) or dies == "before the call":
            return
        execution = self._execution(message.run_id)
        decision_id = message.request_id
        if execution.receive(decision_id, message.body["input"]):
            if dies != "before the mark":
                actions.delivered(decision_id)
                outbox.sent(message, epoch=self.epoch)
        elif execution.successor is not None:
            outbox.begin(message, execution.successor.run.run_id, epoch=self.epoch)
        else:
            actions.undeliverable(decision_id, "the run closed")
            outbox.refused(message, "the run closed", epoch=self.epoch)

    # What happens to the execution, and when the mirror hears of it

    def continue_as_new(self, pick: int, twist: bool) -> None:
        closed = self.now
        if closed.open and closed.read == len(closed.signals) and len(self.executions) < 6:
            self._opened(closed.continued(self._new_run()))
            self.unmirrored.append(("continued", closed))

    def reset(self, pick: int, twist: bool) -> None:
        closed = self.now
        if len(self.executions) < 6:
            self._opened(closed.reset(self._new_run(), kept_asks=pick % 4))
            self.unmirrored.append(("reset", closed))

    def terminate(self, pick: int, twist: bool) -> None:
        if self.now.open and pick < 4:
            self.now.open = False
            self.unmirrored.append(("closed", self.now))

    def mirror(self, pick: int, twist: bool) -> None:
        if not self.unmirrored:
            return
        what, execution = self.unmirrored.pop(0)
        status = RunStatus.CONTINUED_AS_NEW if what == "continued" else RunStatus.TERMINATED
        successor = execution.successor
        if what != "closed" and successor is not None:
            mirroring.join_chain(self._row(successor), self._row(execution))
        Run.objects.filter(id=execution.run.id).update(status=status, waiting_for_human=False)
        if what == "reset" and successor is not None:
            kept = [question.escalation_id for question in successor.questions]
            actions.run_was_reset(self._row(successor), kept)
        self._close_chain(execution)

    def _close_chain(self, execution: Execution) -> None:
        run = self._row(execution)
        if Run.objects.filter(chain=run.chain).open().exists():
            actions.chain_goes_on(run)
        else:
            actions.chain_closed(run)

    def ask_too_late(self, pick: int, twist: bool) -> None:
        """An ask that was on its way when the run closed opens nothing that nobody will ever read."""
        run = self._row(self.now)
        if self.now.open or run.is_open:
            return
        with suppress(RunClosed):
            actions.open_escalation(run, {"request_id": str(uuid.uuid4()), **QUESTION})
            assert Run.objects.filter(chain=run.chain).open().exists()

    def _row(self, execution: Execution) -> Run:
        return Run.objects.get(id=execution.run.id)

    def _execution(self, run_id: str | None) -> Execution:
        return next(execution for execution in self.executions if execution.run.run_id == run_id)

    # What holds after every step

    @invariant()
    def holds(self) -> None:
        self.one_winner()
        self.no_signal_without_a_decision_and_its_audit()
        self.what_takes_effect_is_what_was_shown()
        self.deliveries_only_go_forward()
        self.runs_say_that_they_wait()

    def one_winner(self) -> None:
        """I2."""
        for escalation in Escalation.objects.prefetch_related("decisions__delivery"):
            standing = [d for d in escalation.decisions.all() if d.delivery.state != DeliveryState.UNDONE]
            assert len(standing) <= 1
            assert (escalation.state == EscalationState.DECIDED) == (len(standing) == 1)

    def no_signal_without_a_decision_and_its_audit(self) -> None:
        """I3."""
        sent = {body["decision_id"] for execution in self.executions for body in execution.signals}
        audited = AuditEvent.objects.filter(verb="decision.recorded").values_list(
            "details__decision", flat=True
        )
        assert sent <= set(audited)

    def what_takes_effect_is_what_was_shown(self) -> None:
        """I4."""
        for decision in Decision.objects.select_related("escalation"):
            assert self.ledger.effects.get(str(decision.id), decision.digest) == decision.escalation.digest

    def deliveries_only_go_forward(self) -> None:
        for decision in Decision.objects.select_related("delivery"):
            rank = DELIVERY_RANK[DeliveryState(decision.delivery.state)]
            assert rank >= self.ranks.get(decision.id, 0)
            self.ranks[decision.id] = rank

    def runs_say_that_they_wait(self) -> None:
        for run in Run.objects.open():
            assert run.waiting_for_human == Escalation.objects.of_chain(run.chain).pending().exists()

    def teardown(self) -> None:
        """I1: when all is quiet, every decision took effect, or its delivery says plainly why not."""
        try:
            self._come_to_rest()
            for decision in Decision.objects.select_related("delivery"):
                took_effect = str(decision.id) in self.ledger.effects
                state = DeliveryState(decision.delivery.state)
                assert took_effect == (state == DeliveryState.ACTED_ON), (state, decision.delivery.reason)
                assert took_effect or state in SAD_ENDS
                assert took_effect or decision.delivery.reason
            assert not Escalation.objects.pending().exists()
        finally:
            transaction.set_rollback(True)
            self.outer.__exit__(None, None, None)

    def _come_to_rest(self) -> None:
        for _ in range(50):
            while self.unmirrored:
                self.mirror(0, False)
            self.carry(0, False)
            while self.now.open and self.now.read < len(self.now.signals):
                self.read_signal(0, False)
            while self.acknowledgments:
                self.acknowledge(0, False)
            if not Message.objects.pending().exists():
                break
        while self.now.open and self.now.waiting():
            self.expire(0, False)
        while self.acknowledgments:
            self.acknowledge(0, False)
        if self.now.open:
            self.terminate(0, False)
        while self.unmirrored:
            self.mirror(0, False)
        self.carry(0, False)
        self._close_chain(self.now)  # the sweep: a signal can arrive after the mirror saw the close


@pytest.mark.django_db
def test_nothing_is_lost_and_nothing_happens_twice() -> None:
    run_state_machine_as_test(DecisionsPath, settings=_settings(examples=25))


@pytest.mark.soak
@pytest.mark.django_db
def test_nothing_is_lost_over_many_histories() -> None:
    run_state_machine_as_test(DecisionsPath, settings=_settings(examples=1000))


def _settings(examples: int) -> settings:
    return settings(
        max_examples=examples,
        stateful_step_count=12,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],  # a step is a transaction: shrinking takes an hour
        derandomize=examples < 100,
        suppress_health_check=list(HealthCheck),
    )
