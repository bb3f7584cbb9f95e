"""Another run like one that is there."""

from __future__ import annotations

import pytest

from reviews.audit.models import AuditEvent
from reviews.outbox.models import Message
from reviews.people.models import Account
from reviews.runs.actions import start_again
from reviews.runs.faults import InvalidInput
from reviews.runs.models import Run, RunStatus
from tests.support import short_histories


def test_it_has_the_type_the_queue_and_the_input_of_the_first(run: Run, olga: Account) -> None:
    short_histories.keep(run, short_histories.started())
    another = start_again(run, by=olga)

    assert (another.workflow_type, another.queue, another.input) == (run.workflow_type, run.queue, run.input)
    assert (another.status, another.started_by, another.chain) == (RunStatus.STARTING, olga, another.id)
    assert another.workflow_id != run.workflow_id
    message = Message.objects.get(subject=another.id)
    assert message.body["input_of"] == str(run.id)
    assert AuditEvent.objects.get(verb="run.started", object_id=str(another.id)).details["like"] == str(
        run.id
    )


def test_what_was_never_mirrored_cannot_be_done_again(run: Run, olga: Account) -> None:
    with pytest.raises(InvalidInput):
        start_again(run, by=olga)
    assert Run.objects.count() == 1
