"""Starting a run: the row, its message, its audit and its change are one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection

from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.outbox.models import Message, MessageKind, MessageState
from reviews.people.models import Account
from reviews.runs.actions import UnknownAgent, register_agent_type, start_run
from reviews.runs.faults import InvalidInput
from reviews.runs.models import AgentType, Run, RunStatus
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, register_refund


@pytest.fixture
def refund(home: Workspace) -> AgentType:
    return register_refund(home.namespace)


def test_a_run_waits_for_temporal(home: Workspace, refund: AgentType, olga: Account) -> None:
    run = start_run(home, "refund", REFUND, by=olga)

    assert (run.status, run.run_id, run.chain) == (RunStatus.STARTING, None, run.id)
    assert run.workflow_id == f"refund-{run.id.hex[:12]}"
    assert (run.workspace, run.namespace, run.started_by) == (home, home.namespace, olga)
    assert run.title == "Refund: The parcel never came."


def test_its_message_its_audit_and_its_changes_are_written_with_it(
    home: Workspace, refund: AgentType, olga: Account
) -> None:
    run = start_run(home, "refund", REFUND, by=olga)

    message = Message.objects.get()
    assert (message.kind, message.state, message.subject) == (MessageKind.START, MessageState.PENDING, run.id)
    assert (message.namespace, message.workflow_id, message.run_id) == (run.namespace, run.workflow_id, None)
    assert message.body == {
        "workflow_type": "refund", "queue": "research-agent", "input": REFUND, "title": run.title
    }  # fmt: skip
    event = AuditEvent.objects.get(verb="run.started")
    assert (event.actor, event.object_id, event.details) == (olga, str(run.id), {"agent": "refund"})
    assert set(Change.objects.filter(workspace=home).values_list("topic", "object_id")) >= {
        ("run", str(run.id)),
        ("runs", str(home.id)),
    }


@pytest.mark.parametrize("table", ["reviews_message", "reviews_auditevent", "reviews_change"])
@pytest.mark.django_db(transaction=True)
def test_where_one_of_them_fails_none_is_written(
    home: Workspace, refund: AgentType, olga: Account, table: str
) -> None:
    counts = _counts()
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'no'; END$$"
        )
        cursor.execute(f"CREATE TRIGGER refusal BEFORE INSERT ON {table} EXECUTE FUNCTION refuse()")
    try:
        with pytest.raises(DatabaseError):
            start_run(home, "refund", REFUND, by=olga)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP FUNCTION refuse() CASCADE")

    assert _counts() == counts


def _counts() -> list[int]:
    return [model.objects.count() for model in (Run, Message, AuditEvent, Change)]


@pytest.mark.parametrize(
    ("input", "pointers"),
    [
        ({"customer": "Dora", "amount": 0, "reason": ""}, ["/amount"]),
        ({"customer": "", "amount": 1001, "reason": 5}, ["/amount", "/customer", "/reason"]),
        ({}, ["/amount", "/customer", "/reason"]),
        (REFUND | {"tip": 1}, [""]),
        (None, [""]),
        ([REFUND], [""]),
    ],
)
def test_an_input_outside_the_schema_starts_nothing(
    home: Workspace, refund: AgentType, olga: Account, input: Any, pointers: list[str]
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        start_run(home, "refund", input, by=olga)

    assert sorted(fault.pointer for fault in refusal.value.faults) == pointers
    assert not Run.objects.exists()
    assert not Message.objects.exists()


def test_an_agent_of_another_namespace_is_unknown(home: Workspace, abroad: Workspace, olga: Account) -> None:
    register_refund(abroad.namespace)

    for name in ("refund", "nobody"):
        with pytest.raises(UnknownAgent):
            start_run(home, name, REFUND, by=olga)


def test_text_that_cannot_be_stored_is_replaced_in_the_row_and_in_the_message(
    home: Workspace, refund: AgentType, olga: Account
) -> None:
    run = start_run(home, "refund", REFUND | {"reason": "a\x00b\udfff"}, by=olga)

    assert run.input == REFUND | {"reason": "a\ufffdb\ufffd"}
    assert Message.objects.get().body["input"] == run.input


def test_a_title_is_one_line(home: Workspace, refund: AgentType, olga: Account) -> None:
    run = start_run(
        home, "refund", REFUND | {"reason": "\nThe parcel never came.\n\nIt was promised."}, by=olga
    )
    assert run.title == "Refund: The parcel never came."


def test_a_long_title_is_cut(home: Workspace, refund: AgentType, olga: Account) -> None:
    assert len(start_run(home, "refund", REFUND | {"reason": "x" * 100_000}, by=olga).title) == 300


def test_the_last_worker_to_register_an_agent_has_the_last_word(home: Workspace, refund: AgentType) -> None:
    again = register_agent_type(
        home.namespace,
        "refund",
        title="Refunds",
        queue="other",
        workflow_type="refund",
        input_schema={},
        example={},
    )

    assert (again.id, again.title, again.queue) == (refund.id, "Refunds", "other")
    assert AgentType.objects.count() == 1
