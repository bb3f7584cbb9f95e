"""The page of timeouts, and what a run's step says of its own."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from reviews.pages import timeouts as page
from reviews.pages.times import between, plain
from reviews.runs.latencies import Timeouts
from reviews.runs.models import Run, Step
from reviews.workspaces.models import Workspace
from tests.support.latencies import NOON, measure

SECOND = timedelta(seconds=1)


@pytest.fixture
def figures(home: Workspace) -> None:
    measure(home.namespace, "call_model", {1000: 3000, 2000: 200}, Timeouts(start_to_close=180 * SECOND))
    measure(home.namespace, "ask_bank", {4000: 150}, Timeouts(start_to_close=5 * SECOND))
    measure(home.namespace, "rare", {20: 3})


def shown(client: Client, address: str = "/timeouts/") -> list[str]:
    return [row.measured.activity_type for row in client.get(address).context["picture"].rows]


def said(client: Client, address: str = "/timeouts/") -> str:
    """The page's words, without markup."""
    return " ".join(re.sub("<[^>]+>", " ", client.get(address).content.decode()).split())


def test_each_type_with_what_is_set_and_what_would_do(as_victor: Client, figures: None) -> None:
    words = said(as_victor)
    assert "call_model too loose 3 min 5 s 4.1–6.1 s 1.0 s 2.0 s 2.0 s 2.0 s 3,200" in words
    assert "ask_bank too tight 5 s 10 s 8.2–12.3 s 4.1 s 4.1 s 4.1 s 4.1 s 150" in words
    assert "rare too few to say 1 min heartbeat 10 s – 21 ms 21 ms 21 ms 21 ms 3" in words


@pytest.mark.parametrize(
    ("query", "order"),
    [
        ("", ["ask_bank", "call_model", "rare"]), ("?sort=name", ["ask_bank", "call_model", "rare"]),
        ("?sort=most", ["call_model", "ask_bank", "rare"]), ("?sort=slowest", ["ask_bank", "call_model", "rare"]),
        ("?sort=nonsense", ["ask_bank", "call_model", "rare"]), ("?name=MODEL", ["call_model"]),
        ("?name=k&sort=name", ["ask_bank"]), ("?name=%00", []),
        ("?workspace=home&name=rare", ["rare"]),
    ],
)  # fmt: skip
def test_filter_and_order_live_in_the_address(
    as_victor: Client, figures: None, query: str, order: list[str]
) -> None:
    assert shown(as_victor, f"/timeouts/{query}") == order


def test_the_pieces_stay_in_the_picture_and_tell_the_verdict(as_victor: Client, figures: None) -> None:
    rows = {
        row.measured.activity_type: row.pieces for row in as_victor.get("/timeouts/").context["picture"].rows
    }
    for pieces in rows.values():
        assert all(piece.x >= 0 and piece.x + piece.width <= 1000.1 for piece in pieces)
        assert all(piece.y >= 0 and piece.y + piece.height <= 24.1 for piece in pieces)
    loose, tight = ({piece.kind: piece for piece in rows[name]} for name in ("call_model", "ask_bank"))
    assert loose["limit"].x > loose["band"].x + loose["band"].width
    assert tight["limit"].x < tight["band"].x
    assert [piece.kind for piece in rows["rare"]] == ["bar", "limit"]


def test_nothing_measured_says_where_figures_come_from(
    as_olga: Client, as_victor: Client, home: Workspace
) -> None:
    assert "Each activity that completes is measured here" in said(as_victor)
    assert "Start a run" in said(as_olga)
    assert "All activity types" in said(as_victor, "/timeouts/?name=nothing")


def test_many_types_are_cut_and_said(
    as_victor: Client, figures: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "MOST", 2)
    assert len(shown(as_victor)) == 2
    assert "The first 2 of 3 activity types." in said(as_victor)


def test_names_from_outside_hide_nothing(as_victor: Client, home: Workspace) -> None:
    measure(home.namespace, "<b>\u202epay", {20: 3})
    content = as_victor.get("/timeouts/").content.decode()
    assert "&lt;b&gt;" in content
    assert "U+202E" in content


def test_outsiders_see_their_own_only(as_charlie: Client, figures: None) -> None:
    assert shown(as_charlie) == []
    assert as_charlie.get("/timeouts/?workspace=home").status_code == 404


def test_the_number_of_queries_does_not_grow(
    as_victor: Client, home: Workspace, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        measure(home.namespace, f"a{number}", {20: 3})
    with django_assert_max_num_queries(8):
        as_victor.get("/timeouts/")


def step(run: Run, event: int, name: str, kind: str = "activity") -> None:
    Step.objects.create(
        run=run,
        event_id=event,
        kind=kind,
        name=name,
        activity_id=str(event),
        status="completed",
        scheduled_at=NOON,
    )


def test_a_step_says_what_timeout_would_do(as_victor: Client, run: Run, figures: None) -> None:
    step(run, 5, "call_model")
    words = said(as_victor, f"/runs/{run.id}/")
    assert "P99 2.0 s over 3,200 completions · timeout 3 min · 4.1–6.1 s would do" in words


def test_a_step_of_a_rare_type_promises_nothing(as_victor: Client, run: Run, figures: None) -> None:
    step(run, 5, "rare")
    words = said(as_victor, f"/runs/{run.id}/")
    assert "P99 21 ms over 3 completions · timeout 1 min · too few to say more" in words


def test_timers_and_unmeasured_types_say_nothing(as_victor: Client, run: Run, figures: None) -> None:
    step(run, 5, "call_model", "timer")
    step(run, 6, "never_measured")
    assert "P99" not in said(as_victor, f"/runs/{run.id}/")


def test_one_query_measures_all_steps_of_the_page(as_victor: Client, run: Run, figures: None) -> None:
    step(run, 5, "call_model")
    of_one = _queries_of(as_victor, run)
    for event in range(6, 30):
        step(run, event, ("ask_bank", "rare")[event % 2])
    assert _queries_of(as_victor, run) == of_one


def _queries_of(client: Client, run: Run) -> int:
    with CaptureQueriesContext(connection) as captured:
        client.get(f"/runs/{run.id}/")
    return len(captured)


@pytest.mark.parametrize(
    ("shortest", "longest", "words"),
    [(2.4, 3.6, "2.4–3.6 s"), (0.85, 1.3, "850 ms–1.3 s"), (1, 1, "1 s"), (50, 75, "50.0 s–1 min 15 s"),
     (61, 95, "1 min 1 s–1 min 35 s"), (1200, 1800, "20–30 min")],
)  # fmt: skip
def test_a_span_names_its_unit_once(shortest: float, longest: float, words: str) -> None:
    assert between(shortest * SECOND, longest * SECOND) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.25, "250 ms"), (1.5, "1.5 s"), (3, "3 s"), (90, "1 min 30 s")]
)
def test_a_chosen_duration_is_said_plainly(seconds: float, words: str) -> None:
    assert plain(seconds * SECOND) == words
