"""POST /runs/{id}/signals, /cancellation, /termination."""

from __future__ import annotations

import uuid

import pytest

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.models import Run, RunStatus
from tests.support.rest import Rest

CONTROLS = {
    "signals": {"name": "set_priority", "input": {"priority": "high\x00"}},
    "cancellation": None,
    "termination": {"reason": "by mistake"},
}
EVERY = pytest.mark.parametrize("control", CONTROLS)


def _sent(kind: str) -> list[dict[str, object]]:
    return [message.body for message in Message.objects.filter(kind=kind)]


def test_a_signal_goes_to_the_outbox_with_its_audit(rest: Rest, run: Run, olga: Account) -> None:
    answer = rest.post(f"/runs/{run.id}/signals", CONTROLS["signals"], olga)

    assert (answer.status, answer.json["id"]) == (202, str(run.id))
    assert _sent("signal") == [{"name": "set_priority", "input": {"priority": "high\ufffd"}}]
    assert AuditEvent.objects.filter(verb="run.signal", actor=olga).count() == 1


def test_a_cancellation_is_asked_for_once(rest: Rest, run: Run, olga: Account) -> None:
    assert [rest.post(f"/runs/{run.id}/cancellation", None, olga).status for _ in range(2)] == [202, 202]
    assert len(_sent("cancel")) == 1


def test_a_termination_carries_its_reason(rest: Rest, run: Run, olga: Account) -> None:
    assert rest.post(f"/runs/{run.id}/termination", CONTROLS["termination"], olga).status == 202
    assert _sent("terminate") == [{"reason": "by mistake"}]


def test_nobody_answers_a_question_by_signal(rest: Rest, run: Run, olga: Account) -> None:
    answer = rest.post(f"/runs/{run.id}/signals", {"name": "provide_human_input", "input": "approve"}, olga)

    assert (answer.status, answer.pointers) == (422, ["/name"])
    assert not _sent("signal")


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 5}, {"name": "x" * 256}])
def test_a_signal_needs_a_name(rest: Rest, run: Run, olga: Account, body: dict[str, object]) -> None:
    answer = rest.post(f"/runs/{run.id}/signals", body, olga)

    assert (answer.status, answer.pointers) == (422, ["/name"])


@EVERY
def test_a_closed_run_takes_nothing(rest: Rest, run: Run, olga: Account, control: str) -> None:
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    answer = rest.post(f"/runs/{run.id}/{control}", CONTROLS[control], olga)

    assert (answer.status, answer.problem) == (409, "run-closed")


@EVERY
def test_rights_come_before_the_body(
    rest: Rest, run: Run, bob: Account, charlie: Account, control: str
) -> None:
    assert rest.post(f"/runs/{run.id}/{control}", b"{").problem == "unauthorized"
    assert rest.post(f"/runs/{run.id}/{control}", b"{", bob).problem == "forbidden"
    assert rest.post(f"/runs/{run.id}/{control}", b"{", charlie).problem == "not-found"
    for unknown in (uuid.uuid4(), "7"):
        assert rest.post(f"/runs/{unknown}/{control}", b"{", bob).problem == "not-found"
    assert Message.objects.filter(kind__in=["signal", "cancel", "terminate"]).count() == 0
