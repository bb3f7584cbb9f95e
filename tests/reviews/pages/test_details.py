"""All that Temporal says of an execution."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import EventType

from reviews.people.models import Account
from reviews.runs.actions import start_run
from reviews.runs.models import Run, Step
from tests.support.histories import event, keep_history, payload, started
from tests.support.people import REFUND


@pytest.fixture
def history(run: Run) -> Run:
    first = started(
        run,
        identity="4711@laptop",
        workflow_run_timeout=Duration(seconds=5400),
        first_workflow_task_backoff=Duration(seconds=30),
        cron_schedule="0 4 * * *",
        retry_policy={
            "maximum_attempts": 7,
            "initial_interval": Duration(seconds=2),
            "backoff_coefficient": 2.0,
        },
        parent_workflow_execution={"workflow_id": "the-parent", "run_id": "x"},
        memo={"fields": {"customer": payload("Dora <b>")}},
        search_attributes={"indexed_fields": {"CustomKeyword": payload("vip")}},
        priority={"priority_key": 3},
    )
    first.user_metadata.summary.CopyFrom(payload("Pays Dora back"))
    first.user_metadata.details.CopyFrom(payload("Because the parcel <i>never</i> **came**"))
    tasks = [
        event(EventType.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
        event(EventType.EVENT_TYPE_WORKFLOW_TASK_STARTED, scheduled_event_id=2, suggest_continue_as_new=True),
        event(
            EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, scheduled_event_id=2, started_event_id=3, identity="w@1",
            sdk_metadata={"sdk_name": "temporal-python", "sdk_version": "1.35.0"}, versioning_behavior=1,
            deployment_version={"deployment_name": "refunds", "build_id": "b-42"},
        ),
    ]  # fmt: skip
    return keep_history(run, [first, *tasks])


def shown(client: Client, run: Run) -> str:
    answer = client.get(reverse("run", args=[run.id]), {"tab": "details"})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    "words",
    [
        "4711@laptop", "1 h 30 min", "30.0 s", "0 4 * * *", "at most 7 attempts, first after 2.0 s, then × 2",
        "the-parent", "CustomKeyword", "vip", "Dora &lt;b&gt;", "Pays Dora back", "&lt;i&gt;never&lt;/i&gt; <strong>came</strong>",
        "temporal-python 1.35.0", "b-42", "refunds", "pinned", "priority_key", "w@1", "continues as new",
    ],
)  # fmt: skip
def test_what_it_was_started_with_and_who_runs_it(as_victor: Client, history: Run, words: str) -> None:
    assert words in shown(as_victor, history)


def test_the_sdk_is_told_by_the_first_task_alone(as_victor: Client, history: Run) -> None:
    later = event(
        EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, scheduled_event_id=2, started_event_id=3, identity="w@2"
    )
    content = shown(as_victor, keep_history(history, [later]))
    assert "w@2" in content
    assert "temporal-python 1.35.0" in content


def test_when_it_began_and_ended_stands_there_to_the_millisecond(as_victor: Client, history: Run) -> None:
    at = datetime(2026, 3, 1, 4, 5, 6, 789_000, tzinfo=UTC)
    Run.objects.update(status="completed", started_at=at, closed_at=at + timedelta(seconds=1))
    content = shown(as_victor, history)
    assert "2026-03-01 04:05:06.789 UTC" in content
    assert "2026-03-01 04:05:07.789 UTC" in content


def test_the_row_has_the_last_word_on_what_was_upserted(as_victor: Client, history: Run) -> None:
    Run.objects.update(search_attributes={"CustomKeyword": "plain"}, memo={"customer": "Erin"})
    content = shown(as_victor, history)
    assert "plain" in content
    assert "Erin" in content
    assert "vip" not in content


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"last_event_id": 10_239}, None),
        ({"last_event_id": 10_240}, "Temporal warns"),
        ({"last_event_id": 51_200}, "at the limit"),
        ({"history_bytes": 10 * 2**20}, "Temporal warns"),
    ],
)
def test_the_gauge_warns_as_temporal_does(
    as_victor: Client, run: Run, fields: dict[str, int], words: str | None
) -> None:
    Run.objects.update(**fields)
    content = shown(as_victor, run)
    assert content.count("well below") == (4 if words is None else 3)
    assert words is None or words in content


def test_signals_are_counted(as_victor: Client, history: Run) -> None:
    assert history.started_at is not None
    Step.objects.create(
        run=history, event_id=9, kind="signal", name="x", status="completed", scheduled_at=history.started_at
    )
    assert "1 of 10,000" in shown(as_victor, history)


def test_a_run_that_temporal_has_not_started_shows_what_is_known(
    as_victor: Client, run: Run, olga: Account
) -> None:
    waiting = start_run(run.workspace, "refund", REFUND, by=olga)
    content = shown(as_victor, waiting)
    assert waiting.workflow_id in content
    assert "No worker has taken the run up yet" in content
