"""A workspace in the middle of a day: questions that wait, runs at work, a file."""

from __future__ import annotations

from datetime import timedelta
from functools import cached_property
from typing import Any

from django.db import transaction
from django.utils import timezone

from reviews.artifacts.actions import write_version
from reviews.artifacts.models import Version
from reviews.conversations.actions import say
from reviews.drills import actions as drills
from reviews.drills.models import Drill, DrillKind, DrillState
from reviews.escalations import actions as escalations
from reviews.escalations.models import Decision, Escalation
from reviews.outbox.models import Message
from reviews.runs import mirroring
from reviews.runs.actions import start_run
from reviews.runs.latencies import Timeouts
from reviews.runs.models import Attempt, ModelCall, Run, Step
from reviews.runs.views import save_view
from tests.support import conversations, short_histories
from tests.support.histories import activity, close, keep_history, signaled, started
from tests.support.latencies import measure
from tests.support.people import REFUND, People, approve, ask_refund, child_of, register_refund, start_refund

MAIL = "The parcel never came.\nI want my money. \u202eerofeb ti yap\u202c <b>now</b>"


class Scene:
    """Each part is made when first named."""

    def __init__(self) -> None:
        self.people = People()
        self.home = self.people.home
        register_refund(self.home.namespace)

    @cached_property
    def question(self) -> Escalation:
        """With everything that a page can show of one."""
        evidence: list[dict[str, Any]] = [
            {"kind": "text", "title": "Mail", "source": "customer, 19 Nov", "text": MAIL},
            {"kind": "json", "title": "Order", "value": {"order": 10382, "late_days": 9}, "trusted": True},
            {"kind": "link", "title": "Tracking", "url": "https://example.org/track/1"},
            {"kind": "link", "title": "Odd", "url": "javascript:alert(1)"},
            {"kind": "artifact", "title": "Report", "artifact_version": str(self.file.id)},
        ]
        deadline = (timezone.now() + timedelta(minutes=58)).isoformat()
        return self.ask(
            "Refund 120.50 to Dora?",
            description="The parcel is nine days late. Policy allows 100 without a person.",
            before={**REFUND, "amount": 0},
            evidence=evidence,
            policy={"deadline": deadline, "on_deadline": "reject"},
        )

    @cached_property
    def high_risk(self) -> Escalation:
        return self.ask("Refund 900 to Erin?", policy={"risk": "high"})

    def ask(self, title: str, **changes: Any) -> Escalation:
        run = start_refund(self.home, self.people.olga)
        return ask_refund(run, title, title=title, **changes)

    @cached_property
    def decided(self) -> Escalation:
        """Edited by Bob; its signal cannot be sent."""
        question = self.ask("Refund 80 to Frida?")
        decision = escalations.decide(
            question, by=self.people.bob, verdict="edit", digest=question.digest,
            response={**REFUND, "amount": 40}, comment="Half is enough.",
        )  # fmt: skip
        Message.objects.filter(subject=decision.id).update(last_error="UNAVAILABLE: connection refused")
        return question

    def approve(self, question: Escalation) -> Decision:
        return approve(question, self.people.bob)

    @cached_property
    def run(self) -> Run:
        """At work: a step was tried three times, one failed, one goes on."""
        run = start_refund(self.home, self.people.olga)
        start = timezone.now() - timedelta(minutes=4, seconds=31)
        short_histories.keep_short_history(run)
        Run.objects.filter(id=run.id).update(started_at=start, last_event_id=61, history_bytes=22_111)
        run.refresh_from_db()
        self._step(run, 5, "check_order", 0, 20, result={"order": 10382}, input={"customer": "Dora"})
        self._step(run, 11, "ask_bank", 20, 150, attempts=3)
        self._step(
            run,
            20,
            "store_receipt",
            150,
            171,
            status="failed",
            failure={"type": "Full", "message": "no room"},
        )
        self._step(run, 30, "pay", 171, None, status="running")
        self._attempt(run, 11, 1, 20, 36, failure={"type": "RateLimited", "message": "429; Retry-After 12 s"})
        self._attempt(run, 11, 2, 48, 70, failure={"type": "Malformed", "message": "the answer is not JSON"})
        self._attempt(run, 11, 3, 112, 150)
        self._attempt(run, 30, 1, 171, None, progress={"percent": 40})
        ModelCall.objects.create(
            run=run, activity_id="5", attempt=1, purpose="check", model="demo-small", demo=True, duration_ms=1830,
            messages=[{"role": "user", "content": "Is it late?"}], answer="Yes.", tokens_in=1200, tokens_out=40,
            started_at=start,
        )  # fmt: skip
        return run

    def _step(self, run: Run, event: int, name: str, begin: int, end: int | None, **fields: Any) -> Step:
        start = run.started_at
        assert start is not None
        return Step.objects.create(
            run=run, event_id=event, kind="activity", name=name, activity_id=str(event),
            scheduled_at=start + timedelta(seconds=begin), started_at=start + timedelta(seconds=begin),
            closed_at=start + timedelta(seconds=end) if end else None, **{"status": "completed", "attempts": 1, **fields},
        )  # fmt: skip

    def _attempt(self, run: Run, event: int, number: int, begin: int, end: int | None, **fields: Any) -> None:
        start = run.started_at
        assert start is not None
        outcome = "failed" if "failure" in fields else "completed" if end else "running"
        Attempt.objects.create(
            run=run, activity_id=str(event), activity_type="x", number=number, outcome=outcome, worker="4711@worker-1",
            started_at=start + timedelta(seconds=begin), ended_at=start + timedelta(seconds=end) if end else None, **fields,
        )  # fmt: skip

    def add_step(self) -> Step:
        return self.add_step_at(40)

    def add_step_at(self, event: int) -> Step:
        step = self._step(self.run, event, "send_mail", 180, None, status="running")
        with transaction.atomic():
            mirroring.tell(self.run)
        return step

    @cached_property
    def chat(self) -> Run:
        """In the middle: an order was looked up, a refund waits, and somebody wrote since."""
        run = conversations.start_chat(self.home, self.people.olga, message="Hello! My name is Dora.")
        hello = say(run, "Hello! My name is Dora. Where is order 1002?", by=self.people.olga)
        conversations.call_tool(
            hello,
            "look_up_order",
            state="done",
            arguments={"order": "1002"},
            text='{"order": "1002", "late_days": 9}',
        )
        conversations.answer(
            hello, "It was delivered, **nine days late**:\n\n- two pallets\n- 420.00 in all\n\nI am sorry."
        )
        wish = say(run, "Then refund 120.50 to me, Dora.\nThe half of it would do, too.", by=self.people.olga)
        question = ask_refund(run, "in-a-chat")
        arguments = {"customer": "Dora", "amount": 120.5, "reason": "Two pallets came nine days late."}
        conversations.call_tool(
            wish, "issue_refund", state="waiting", arguments=arguments, escalation_id=str(question.id)
        )
        conversations.deliver(run)
        say(run, "Are you still there?", by=self.people.ada)
        return run

    @cached_property
    def family(self) -> Run:
        """A run with two children, of which one has a child of its own."""
        runs = [start_refund(self.home, self.people.olga) for _ in range(4)]
        for child, parent in ((1, 0), (2, 0), (3, 2)):
            child_of(runs[parent], runs[child])
        Run.objects.filter(id=runs[1].id).update(status="completed", closed_at=timezone.now())
        return runs[0]

    @cached_property
    def mirrored(self) -> Run:
        """With its history: an activity that failed, signals, a child."""
        run = start_refund(self.home, self.people.olga)
        events = [started(run), *activity(2, "pay", failure="no <room>"), signaled("hurry", {"by": "Zoë"})]
        return keep_history(run, [*events, *activity(6, "send_receipt"), close()])

    @cached_property
    def drill(self) -> Drill:
        """Under way, behind one that passed: the worker was killed, and another one runs."""
        passed = drills.start_drill(self.home, DrillKind.TEMPORAL, by=self.people.olga)
        drills.end_drill(passed, DrillState.PASSED, "One decision, and one payment under its id.", payments=1)
        drill = drills.start_drill(self.home, DrillKind.WORKER, by=self.people.olga)
        drills.follow(drill, self.run, tasks=50, task=47)
        drills.say(drill, "A research run of 50 tasks begins: research-0b6e4f2a91cd.")
        drills.count(drill, 46)
        drills.struck(drill, "kill -9 4711: the worker dies while the model answers task 47.")
        drills.say(drill, "Another worker, process 4712, runs after 0.4 s.", "running")
        return drill

    @cached_property
    def starting(self) -> Run:
        return start_run(self.home, "refund", REFUND, by=self.people.olga)

    @cached_property
    def file(self) -> Version:
        text = b"# Delivery\n\nIt came **late**.\n\n| leg | days |\n|---|---|\n| port | 4 |\n\n[source](https://example.org)"
        return write_version(
            self.home, "refunds/delivery.md", text, media_type="text/markdown", by=self.people.olga
        )

    def write(self, path: str) -> Version:
        return write_version(
            self.home, path, b"# Report", media_type="text/markdown", by=self.people.olga, run=self.run
        )

    @cached_property
    def forgotten(self) -> Run:
        """Its history was removed; its question stands."""
        run = start_refund(self.home, self.people.olga)
        approve(ask_refund(run, "forgotten", title="Refund 60 to Gus?"), self.people.bob)
        now = timezone.now()
        Run.objects.filter(id=run.id).update(
            status="completed", closed_at=now - timedelta(days=31), forgotten_at=now, input=None
        )
        return run

    def measure(self) -> None:
        """Activity types for each verdict."""
        set_to = {seconds: Timeouts(start_to_close=timedelta(seconds=seconds)) for seconds in (10, 30, 180)}
        slow = {2 ** (step / 8) * 400: round(900 * 2 ** -((step - 9) ** 2 / 18)) + 1 for step in range(24)}
        measure(self.home.namespace, "ask_bank", slow, set_to[10])
        measure(
            self.home.namespace, "check_order", {took * 12: count for took, count in slow.items()}, set_to[30]
        )
        measure(self.home.namespace, "pay", {took / 40: count for took, count in slow.items()}, set_to[180])
        measure(self.home.namespace, "store_receipt", {25: 3, 31: 40})
        measure(self.home.namespace, "tell_somebody_with_a_rather_long_name_of_an_activity", {5: 400, 900: 2})

    def furnish(self) -> None:
        """Everything at once."""
        self.measure()
        for title in ("Send the summary to 14 people?", "Which agent should take this request?"):
            self.ask(title)
        escalations.claim(self.ask("Publish version 4?"), by=self.people.ada)
        _ = (
            self.high_risk,
            self.question,
            self.decided,
            self.run,
            self.starting,
            self.file,
            self.forgotten,
            self.family,
            self.drill,
            self.chat,
        )
        save_view(self.people.alice, "What runs", "status=open&agent=refund")
        ask_refund(self.run, "figures", title="Which of two figures is right?")

    def addresses(self) -> dict[str, str]:
        """Every kind of page, by name."""
        run, question = f"/runs/{self.run.id}/", f"/questions/{self.question.id}/"
        mirrored = f"/runs/{self.mirrored.id}/"
        return {
            "inbox": "/",
            "mine": "/?tab=mine",
            "decided": "/?tab=decided",
            "question": question,
            "edit": f"{question}?verdict=edit",
            "high-risk": f"/questions/{self.high_risk.id}/?verdict=approve",
            "decision": f"/questions/{self.decided.id}/?tab=decided",
            "runs": "/runs/",
            "runs-unfolded": f"/runs/?unfold={self.family.id}",
            "runs-filtered": "/runs/?status=open&agent=refund",
            "no-runs": "/runs/?status=terminated",
            "new-run": "/runs/new/?agent=refund",
            "run": run,
            "calls": f"{run}?tab=calls",
            "run-files": f"{run}?tab=files",
            "questions": f"{run}?tab=questions",
            "ask": f"{run}?tab=ask",
            "now": f"{run}now/",
            "reset": f"{run}resets/",
            "events": f"{mirrored}?tab=events&at=4",
            "events-found": f"{mirrored}?tab=events&kind=signal&text=zo&order=newest",
            "event": f"{mirrored}events/4/",
            "family": f"{mirrored}?tab=family",
            "details": f"{mirrored}?tab=details",
            "imports": "/runs/imports/",
            "chat": f"/runs/{self.chat.id}/chat/",
            "chat-begins": f"/runs/{conversations.start_chat(self.home, self.people.olga).id}/chat/",
            "starting": f"/runs/{self.starting.id}/",
            "forgotten": f"/runs/{self.forgotten.id}/",
            "timeouts": "/timeouts/",
            "no-timeouts": "/timeouts/?name=nothing",
            "drills": "/drills/",
            "drill": f"/drills/{self.drill.id}/",
            "files": "/files/",
            "file": f"/files/{self.file.id}/",
            "missing": "/nowhere/",
            "password": "/accounts/password/change/",
        }
