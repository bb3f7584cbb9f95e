"""GET /runs/{id}/now and POST /runs/{id}/queries: what Temporal, or the workflow, says now."""

from __future__ import annotations

import dataclasses

from django.utils import timezone

from reviews.people.models import Account
from reviews.runs.models import Run
from tests.support import fake_engine as made
from tests.support.fake_engine import FakeEngine
from tests.support.rest import Rest


def test_what_is_pending(rest: Rest, run: Run, victor: Account, fake_engine: FakeEngine) -> None:
    fake_engine.present = dataclasses.replace(
        fake_engine.present,
        task=made.failing_task(),
        activities=[made.activity(pause=made.paused())],
        children=[made.child()],
        queues=[made.queue("research-agent", workers=False)],
    )
    said = rest.get(f"/runs/{run.id}/now", victor).json

    assert said["task"]["attempt"] == 7
    [activity] = said["activities"]
    assert (activity["type"], activity["attempt"], activity["failure"]["type"]) == ("ask_bank", 4, "Closed")
    assert (activity["progress"], activity["pause"]["reason"]) == ({"page": 2}, "olga, by Agentsite")
    assert activity["next_try_at"].endswith("Z")
    assert [child["workflow_id"] for child in said["children"]] == ["child-1"]
    assert said["queues"] == [{"name": "research-agent", "lacks": "workflows", "workers": []}]


def test_a_query_is_answered(rest: Rest, run: Run, victor: Account, fake_engine: FakeEngine) -> None:
    path = f"/runs/{run.id}/queries"
    assert rest.post(path, {"name": "progress"}, victor).json == {"result": {"done": 3}}
    assert rest.post(path, {"name": "progress", "input": {"since": 2}}, victor).status == 200
    assert fake_engine.asked == [("progress", []), ("progress", [{"since": 2}])]


def test_a_query_that_the_workflow_does_not_answer(
    rest: Rest, run: Run, victor: Account, fake_engine: FakeEngine
) -> None:
    answer = rest.post(f"/runs/{run.id}/queries", {"name": "nothing"}, victor)
    assert (answer.status, answer.problem) == (422, "query-failed")


def test_temporal_away(rest: Rest, run: Run, victor: Account, fake_engine: FakeEngine) -> None:
    fake_engine.error = "Temporal did not answer within 2 s."
    for answer in (
        rest.get(f"/runs/{run.id}/now", victor),
        rest.post(f"/runs/{run.id}/queries", {"name": "progress"}, victor),
    ):
        assert (answer.status, answer.problem) == (503, "engine-unavailable")
        assert answer.json["detail"] == fake_engine.error


def test_nobody_is_asked_about_a_run_that_no_server_holds(
    rest: Rest, run: Run, victor: Account, fake_engine: FakeEngine
) -> None:
    for fields in (
        {"gone_at": timezone.now()},
        {"gone_at": None, "imported_at": timezone.now()},
        {"run_id": None},
    ):
        Run.objects.filter(id=run.id).update(**fields)
        assert rest.get(f"/runs/{run.id}/now", victor).problem == "engine-unavailable"
    assert fake_engine.asked == []
