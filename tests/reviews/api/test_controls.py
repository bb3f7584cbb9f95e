"""POST /runs/{id}/signals, /cancellation, /termination, /updates, /resets, /pause, /activities/…"""

from __future__ import annotations

import uuid

import pytest

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.models import Run, RunStatus
from tests.support import short_histories
from tests.support.rest import Rest

CONTROLS = {
    "signals": {"name": "set_priority", "input": {"priority": "high\x00"}},
    "cancellation": None,
    "termination": {"reason": "by mistake"},
    "updates": {"name": "set_limit", "input": {"limit": "5\x00"}},
    "pause": None,
    "activities/5/pause": None,
    "activities/5/retry": None,
}
EVERY = pytest.mark.parametrize("control", CONTROLS)


def _sent(kind: str) -> list[dict[str, object]]:
    return [message.body for message in Message.objects.filter(kind=kind)]


def test_a_signal_goes_to_the_outbox_with_its_audit(rest: Rest, run: Run, olga: Account) -> None:
    answer = rest.post(f"/runs/{run.id}/signals", CONTROLS["signals"], olga)

    assert (answer.status, answer.json["id"]) == (202, str(run.id))
    assert _sent("signal") == [{"name": "set_priority", "input": {"priority": "high\ufffd"}}]
    assert AuditEvent.objects.filter(verb="run.signal", actor=olga).count() == 1


@pytest.mark.parametrize("given", [{}, {"input": None}, {"input": []}])
def test_what_is_left_out_of_a_signal_is_no_argument(
    rest: Rest, run: Run, olga: Account, given: dict[str, object]
) -> None:
    assert rest.post(f"/runs/{run.id}/signals", {"name": "end", **given}, olga).status == 202
    assert _sent("signal") == [{"name": "end", **given}]


def test_a_cancellation_is_asked_for_once(rest: Rest, run: Run, olga: Account) -> None:
    assert [rest.post(f"/runs/{run.id}/cancellation", None, olga).status for _ in range(2)] == [202, 202]
    assert len(_sent("cancel")) == 1


def test_a_termination_carries_its_reason(rest: Rest, run: Run, olga: Account) -> None:
    assert rest.post(f"/runs/{run.id}/termination", CONTROLS["termination"], olga).status == 202
    assert _sent("terminate") == [{"reason": "by mistake"}]


def test_an_update_goes_to_the_outbox(rest: Rest, run: Run, olga: Account) -> None:
    assert rest.post(f"/runs/{run.id}/updates", CONTROLS["updates"], olga).status == 202
    assert _sent("update") == [{"name": "set_limit", "arguments": [{"limit": "5\ufffd"}]}]


@pytest.mark.parametrize(("body", "arguments"), [({}, []), ({"input": None}, [None]), ({"input": []}, [[]])])
def test_what_is_left_out_of_an_update_is_no_argument(
    rest: Rest, run: Run, olga: Account, body: dict[str, object], arguments: list[object]
) -> None:
    rest.post(f"/runs/{run.id}/updates", {"name": "go", **body}, olga)
    assert [sent["arguments"] for sent in _sent("update")] == [arguments]


def test_a_reset_goes_to_the_outbox(rest: Rest, run: Run, olga: Account) -> None:
    short_histories.keep_short_history(run)
    Run.objects.filter(id=run.id).update(status=RunStatus.FAILED)
    answer = rest.post(f"/runs/{run.id}/resets", {"event_id": 4, "reason": "once more"}, olga)

    assert answer.status == 202
    assert [sent["event_id"] for sent in _sent("reset")] == [4]


@pytest.mark.parametrize(
    "body", [{}, {"event_id": 3}, {"event_id": 0}, {"event_id": "4"}, {"event_id": 2**40}]
)
def test_a_reset_needs_the_end_of_a_workflow_task(
    rest: Rest, run: Run, olga: Account, body: dict[str, object]
) -> None:
    short_histories.keep_short_history(run)
    answer = rest.post(f"/runs/{run.id}/resets", body, olga)

    assert (answer.status, answer.pointers) == (422, ["/event_id"])
    assert not _sent("reset")


def test_a_pause_is_made_and_deleted(rest: Rest, run: Run, olga: Account) -> None:
    assert rest.post(f"/runs/{run.id}/pause", None, olga).status == 202
    assert rest.delete(f"/runs/{run.id}/pause", olga).status == 202
    assert (len(_sent("pause")), len(_sent("unpause"))) == (1, 1)


def test_a_pending_activity_is_steered_by_its_id_whatever_that_is(
    rest: Rest, run: Run, olga: Account
) -> None:
    activity = f"/runs/{run.id}/activities/mail%2Fto%20Dora%3F"
    assert rest.post(f"{activity}/pause", None, olga).status == 202
    assert rest.delete(f"{activity}/pause", olga).status == 202
    assert rest.post(f"{activity}/retry", None, olga).status == 202

    for kind in ("pause_activity", "unpause_activity", "retry_activity"):
        assert [sent["activity_id"] for sent in _sent(kind)] == ["mail/to Dora?"]


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
    assert not Message.objects.exclude(kind="start").exists()
