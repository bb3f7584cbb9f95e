"""`/readyz` names what is wrong, and soon."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from agentsite import health
from reviews.outbox.models import Bridge
from reviews.runs.actions import register_agent_type


@pytest.fixture(autouse=True)
def temporal_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(health._APART, "engine", lambda: None)


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that takes connections and says nothing, as a frozen server does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def agent(db: None) -> None:
    register_agent_type(
        "default", "refund", title="Refund", queue="q", workflow_type="Refund", input_schema={}, example={}
    )


def _beats() -> None:
    Bridge.objects.update_or_create(id=1, defaults={"beat_at": timezone.now()})


def test_all_parts_answer(client: Client, agent: None) -> None:
    _beats()
    answer = client.get("/readyz")

    assert (answer.status_code, set(answer.json().values())) == (200, {"ok"})


@pytest.mark.parametrize("state", ["gone", "frozen"])
def test_a_database_that_is_away_is_named_soon(
    client: Client, agent: None, monkeypatch: pytest.MonkeyPatch, free_port: int, silent_port: int, state: str
) -> None:
    port = free_port if state == "gone" else silent_port
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", str(port))
    began = time.monotonic()
    answer = client.get("/readyz")

    assert time.monotonic() - began < 9  # its pool would wait ten seconds
    assert answer.status_code == 503
    parts = answer.json()
    assert parts["database"] != "ok"
    assert (parts["bridge"], parts["agents"]) == (health.UNSEEN, health.UNSEEN)


def test_a_bridge_that_is_not_there_is_named(client: Client, agent: None) -> None:
    Bridge.objects.all().delete()
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["bridge"]) == (503, "no bridge has run yet")
    assert answer.json()["database"] == "ok"


def test_a_bridge_that_fell_silent_is_named(client: Client, agent: None) -> None:
    Bridge.objects.update_or_create(id=1, defaults={"beat_at": timezone.now() - 2 * health.SILENCE})
    answer = client.get("/readyz")

    assert (answer.status_code, answer.json()["bridge"]) == (503, "the bridge is silent for 30 s")
