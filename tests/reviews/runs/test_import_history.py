"""A run from a history file: read like any other, steered by nobody; a bad file leaves nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import DataError
from temporalio.api.enums.v1 import EventType

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.actions import RunClosed, cancel_run, signal_run, terminate_run
from reviews.runs.engine import BadHistory
from reviews.runs.histories import event_lines, history_file
from reviews.runs.importing import NAMESPACE, import_history
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.histories import activity, close, event, keep_history, signaled, started

STARTED = {"eventId": "1", "eventType": "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"}


@pytest.fixture
def kept(run: Run) -> Run:
    """Mirrored, and then exported by the tests."""
    middle = [*activity(2, "pay"), *activity(5, "send", failure="no"), signaled("hurry", {"by": "Zoë"})]
    timer = event(EventType.EVENT_TYPE_TIMER_STARTED, timer_id="9")
    return keep_history(run, [started(run), *middle, timer, close()])


def file_of(run: Run) -> io.BytesIO:
    return io.BytesIO("".join(history_file(run)).encode())


def file(*events: Any, **more: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps({"events": events, **more}).encode())


def test_what_goes_out_comes_in_the_same(kept: Run, home: Workspace, olga: Account) -> None:
    taken = import_history(home, file_of(kept), by=olga)
    assert (taken.namespace, taken.workflow_id, taken.run_id) == (NAMESPACE, kept.workflow_id, kept.run_id)
    for name in ("status", "result", "workflow_type", "queue", "started_at", "closed_at", "last_event_id"):
        assert getattr(taken, name) == getattr(kept, name), name
    fields = ("event_id", "kind", "name", "status", "attempts", "input", "result", "failure", "closed_at")
    assert list(taken.steps.values(*fields)) == list(kept.steps.values(*fields))
    assert event_lines(taken).lines == event_lines(kept).lines
    assert "".join(history_file(taken)) == "".join(history_file(kept))


def test_it_says_who_took_it_in_and_is_followed_by_nobody(kept: Run, home: Workspace, olga: Account) -> None:
    taken = import_history(home, file_of(kept), by=olga)
    assert taken.imported_at is not None
    assert taken.history_whole
    assert "Olga" in taken.mirror_note
    assert not Run.objects.to_follow().filter(id=taken.id).exists()
    said = AuditEvent.objects.get(object_id=str(taken.id))
    assert (said.verb, said.actor, said.workspace) == ("run.imported", olga, home)


def test_the_same_file_again_makes_another_run(kept: Run, home: Workspace, olga: Account) -> None:
    first = import_history(home, file_of(kept), by=olga)
    second = import_history(home, file_of(kept), by=olga)
    assert first.workflow_id == second.workflow_id
    assert first.run_id != second.run_id
    assert {first.chain, second.chain} == {first.id, second.id}


def test_an_open_one_takes_no_control(run: Run, home: Workspace, olga: Account) -> None:
    taken = import_history(home, file_of(keep_history(run, [started(run)])), by=olga)
    before = Message.objects.count()
    assert taken.is_open
    assert not taken.is_live
    for steer in (
        lambda: signal_run(taken, "hurry", None, by=olga),
        lambda: cancel_run(taken, by=olga),
        lambda: terminate_run(taken, "why", by=olga),
    ):
        with pytest.raises(RunClosed, match="imported"):
            steer()
    assert Message.objects.count() == before


def test_files_of_other_tools_are_read_too(home: Workspace, olga: Account) -> None:
    """Short names of types, as older tools write them; other members beside the events; a byte order mark."""
    data = file({"eventId": "1", "eventType": "WorkflowExecutionStarted"}, format=["x", {"y": 1}]).getvalue()
    taken = import_history(home, io.BytesIO(b"\xef\xbb\xbf " + data + b"\n"), by=olga)
    assert taken.workflow_id.startswith("imported-")
    assert taken.last_event_id == 1


def test_a_type_of_a_newer_server_is_taken_in(home: Workspace, olga: Account) -> None:
    taken = import_history(home, file(STARTED, {"eventId": "2", "eventType": 9999}), by=olga)
    assert [line.type for line in event_lines(taken).lines] == ["WorkflowExecutionStarted", "9999"]


def _attributes(**attributes: Any) -> dict[str, Any]:
    return STARTED | {"workflowExecutionStartedEventAttributes": attributes}


BAD = {
    "nothing": (b"", "no JSON"),
    "no JSON": (b"workflow", "no JSON"),
    "cut off": (b'{"events":[' + json.dumps(STARTED).encode(), "expected"),
    "a list": (b"[]", "no JSON of a history"),
    "no events": (b"{}", "no “events”"),
    "empty": (b'{"events":[]}', "no event"),
    "no object": (b'{"events":[1]}', "Entry 1"),
    "no list": (b'{"events":{"a":1}}', "expected"),
    "no text": (b"\xff\xfe\x00", "UTF-8"),
    "deep": (b'{"a":' * 50_000, "nested"),
    "deep inside": (b'{"events":[{"a":' * 1 + b"[" * 50_000, "nested"),
    "something behind": (file(STARTED).getvalue() + b"x", "Behind"),
    "not from the first": (file(STARTED | {"eventId": "2"}).getvalue(), "Event 1 is missing"),
    "one left out": (file(STARTED, STARTED | {"eventId": "3"}).getvalue(), "Event 2 is missing"),
    "started twice": (file(STARTED, STARTED | {"eventId": "2"}).getvalue(), "once"),
    "begins otherwise": (file({"eventId": "1", "eventType": "TimerFired"}).getvalue(), "begins"),
    "no type": (file(STARTED, {"eventId": "2"}).getvalue(), "no type"),
    "no time": (file(STARTED | {"eventTime": "noon"}).getvalue(), "no event of Temporal"),
    "no number": (file(STARTED | {"eventId": "one"}).getvalue(), "no event of Temporal"),
    "attributes that are none": (
        file(STARTED | {"workflowExecutionStartedEventAttributes": [1]}).getvalue(), "no event of Temporal"
    ),
    "too long an id": (file(_attributes(workflowId="x" * 1001)).getvalue(), "longer"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_says_what_is_wrong_and_leaves_nothing(home: Workspace, olga: Account, name: str) -> None:
    data, words = BAD[name]
    with pytest.raises(BadHistory, match=words):
        import_history(home, io.BytesIO(data), by=olga)
    assert not Run.objects.exists()
    assert not AuditEvent.objects.filter(verb="run.imported").exists()


def test_hostile_values_are_cleaned_and_cut(home: Workspace, olga: Account) -> None:
    scheduled = {"eventId": "2", "eventType": "ActivityTaskScheduled", "activityTaskScheduledEventAttributes": {
        "activityId": "a" * 999, "activityType": {"name": "n\u0000" * 999}}}  # fmt: skip
    ended = {"eventId": "3", "eventType": "ActivityTaskStarted", "activityTaskStartedEventAttributes": {
        "scheduledEventId": "2", "attempt": -5}}  # fmt: skip
    kind = {
        "workflowType": {"name": "w\u0000" * 999},
        "taskQueue": {"name": "q" * 999},
        "workflowId": "a\u0000b",
    }
    taken = import_history(home, file(_attributes(**kind), scheduled, ended), by=olga)
    assert "\x00" not in taken.workflow_id + taken.workflow_type + taken.steps.get().name
    assert (len(taken.workflow_type), len(taken.agent), taken.steps.get().attempts) == (255, 100, 0)


@pytest.mark.django_db(transaction=True)
def test_what_the_database_refuses_leaves_nothing(
    kept: Run, home: Workspace, olga: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last resort: the file reads well, and the rows are refused all the same."""

    def refuse(*_: Any) -> None:
        raise DataError("out of range")

    monkeypatch.setattr("reviews.runs.importing._keep", refuse)
    with pytest.raises(BadHistory, match="no server writes"):
        import_history(home, file_of(kept), by=olga)
    assert not Run.objects.filter(namespace=NAMESPACE).exists()
