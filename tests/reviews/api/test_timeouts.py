"""Latencies and timeouts over REST."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reviews.people.models import Account
from reviews.runs.latencies import Timeouts
from reviews.workspaces.models import Workspace
from tests.support.latencies import measure
from tests.support.rest import Rest


@pytest.fixture
def figures(home: Workspace) -> None:
    measure(home.namespace, "call_model", {1000: 150}, Timeouts(start_to_close=timedelta(minutes=3)))
    for name in ("ask_bank", "store", "mail"):
        measure(home.namespace, name, {20: 3})


def test_durations_are_in_seconds(rest: Rest, figures: None, victor: Account) -> None:
    [item] = [
        one for one in rest.get("/timeouts", victor).json["items"] if one["activity_type"] == "call_model"
    ]
    assert item.pop("p99") == pytest.approx(1, rel=0.091)
    assert item.pop("url").endswith("/timeouts/?name=call_model")
    assert item["p50"] == item["p95"] == item["longest"]
    expected = {
        "namespace": "home-namespace", "count": 150, "start_to_close": 180.0, "schedule_to_close": None,
        "heartbeat": None, "recommended": 3.0, "verdict": "too_loose",
    }  # fmt: skip
    assert {name: item[name] for name in expected} == expected


def test_pages_follow_each_other_by_name(rest: Rest, figures: None, victor: Account) -> None:
    first = rest.get("/timeouts?limit=3", victor).json
    second = rest.get(f"/timeouts?limit=3&cursor={first['next']}", victor).json
    names = [item["activity_type"] for item in first["items"] + second["items"]]
    assert names == ["ask_bank", "call_model", "mail", "store"]
    assert second["next"] is None


@pytest.mark.parametrize("query", ["days=0", "days=366", "days=x", "cursor=x"])
def test_bad_parameters_are_named(rest: Rest, figures: None, victor: Account, query: str) -> None:
    answer = rest.get(f"/timeouts?{query}", victor)
    assert (answer.status, answer.pointers) == (422, [f"/{query.partition('=')[0]}"])


def test_other_peoples_figures_are_not_there(rest: Rest, figures: None, charlie: Account) -> None:
    assert rest.get("/timeouts", charlie).json["items"] == []
    assert rest.get("/timeouts?workspace=home", charlie).problem == "not-found"
