"""Starting a run from the page."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from reviews.outbox.models import Message, MessageKind
from reviews.people.models import Account
from reviews.runs.actions import register_agent_type
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, register_refund

ADDRESS = "/runs/new/"


@pytest.fixture(autouse=True)
def agent(home: Workspace) -> None:
    register_refund(home.namespace)


def form(**fields: str) -> dict[str, str]:
    values = {"agent": "refund", "workspace": "home", "attempt": "the-attempt-of-this-form"}
    return {**values, "/customer": "Dora", "/amount": "10", "/reason": "Late", **fields}


def test_the_form_starts_from_the_agents_example(as_olga: Client) -> None:
    content = as_olga.get(f"{ADDRESS}?agent=refund").content.decode()
    assert f'value="{REFUND["customer"]}"' in content
    assert 'value="120.5"' in content


def test_starting_leads_to_the_run(as_olga: Client, olga: Account) -> None:
    answer = as_olga.post(ADDRESS, form())
    run = Run.objects.get()
    assert answer["Location"] == f"/runs/{run.id}/"
    assert run.input == {"customer": "Dora", "amount": 10, "reason": "Late"}
    assert run.started_by == olga
    assert b"Starting: waiting for Temporal." in as_olga.get(answer["Location"]).content


def test_a_double_click_starts_one_run(as_olga: Client) -> None:
    first, second = as_olga.post(ADDRESS, form()), as_olga.post(ADDRESS, form())
    assert first["Location"] == second["Location"]
    assert Message.objects.filter(kind=MessageKind.START).count() == 1


def test_the_same_form_with_other_values_asks_first(as_olga: Client) -> None:
    as_olga.post(ADDRESS, form())
    answer = as_olga.post(ADDRESS, form(**{"/amount": "11"}))
    assert answer.status_code == 409
    assert b"Send it again to start another" in answer.content
    assert 'value="11"' in answer.content.decode(), "the values are kept"
    assert Run.objects.count() == 1


@pytest.mark.parametrize(("field", "value"), [("/amount", "2000"), ("/amount", "x"), ("/customer", "")])
def test_a_fault_stands_at_its_field_and_nothing_starts(as_olga: Client, field: str, value: str) -> None:
    answer = as_olga.post(ADDRESS, form(**{field: value}))
    assert answer.status_code == 422
    faulty = [item.name for item in answer.context["start"].form.fields if item.error]
    assert faulty == [field]
    assert not Run.objects.exists()


def test_a_deep_fault_stands_at_the_field_above_it(as_olga: Client, home: Workspace) -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"tags": {"type": "array", "items": {"type": "string"}}},
        "required": ["tags"],
    }
    register_agent_type(
        home.namespace, "tagger", title="Tagger", queue="q", workflow_type="t", input_schema=schema, example={"tags": []}
    )  # fmt: skip
    answer = as_olga.post(ADDRESS, form(agent="tagger", **{"/tags": '["a", 1]'}))
    assert answer.context["start"].form.fields[0].error.startswith("/1: ")


def test_reviewers_and_viewers_start_nothing(as_bob: Client, as_victor: Client) -> None:
    for client in (as_bob, as_victor):
        assert client.get(ADDRESS).status_code == 403
        assert client.post(ADDRESS, form()).status_code == 403
    assert not Run.objects.exists()


def test_outsiders_start_nothing_here(as_charlie: Client, as_olga: Client, abroad: Workspace) -> None:
    assert as_charlie.post(ADDRESS, form()).status_code == 404
    assert as_olga.get(f"{ADDRESS}?workspace=abroad").status_code == 404
    assert not Run.objects.exists()


def test_an_unknown_agent_is_not_found(as_olga: Client) -> None:
    assert as_olga.get(f"{ADDRESS}?agent=nobody").status_code == 404
