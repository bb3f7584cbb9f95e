"""A run's events: light rows from any place, filters in the address, each event's own page."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from temporalio.api.enums.v1 import EventType

from reviews.runs import histories
from reviews.runs.models import Run
from tests.support.histories import activity, close, event, keep_history, signaled, started

HTMX = {"HX-Request": "true"}


@pytest.fixture
def history(run: Run) -> Run:
    """Open: started, an activity that fails (2 to 4), then signals up to event 250."""
    events = [started(run), *activity(2, "pay", failure="no <money>")]
    return keep_history(run, [*events, *(signaled(f"number {id}") for id in range(5, 251))])


def shown(client: Client, run: Run, address: str = "") -> str:
    answer = client.get(f"{reverse('run', args=[run.id])}?tab=events&{address}")
    assert answer.status_code == 200
    return answer.content.decode()


def rows(client: Client, run: Run, address: str = "") -> str:
    """What htmx fetches; empty where nothing is new."""
    answer = client.get(f"{reverse('run_events', args=[run.id])}?{address}", headers=HTMX)
    assert answer.status_code in (200, 204)
    return answer.content.decode()


def ids(content: str) -> list[int]:
    return [int(id) for id in re.findall(r'<li id="event-(\d+)"', content)]


def follows(content: str) -> str:
    """The address behind "Show what follows"."""
    found = re.search(r'rel="next" href="([^"]+)"', content)
    assert found is not None
    return found[1].replace("&amp;", "&")


@pytest.mark.parametrize("order", ["oldest", "newest"])
def test_reading_on_without_scripts_shows_all(as_victor: Client, history: Run, order: str) -> None:
    content, found = shown(as_victor, history, f"order={order}"), []
    while True:
        found += ids(content)
        if 'rel="next"' not in content:
            break
        content = as_victor.get(follows(content)).content.decode()
    assert found == sorted(range(1, 251), reverse=order == "newest")


def test_rows_are_light(as_victor: Client, history: Run) -> None:
    """What an event carries is not in the list."""
    content = shown(as_victor, history)
    assert "pay · no &lt;money&gt;" in content
    assert "scheduled_event_id" not in content
    assert 'class="is-bad"' in content


@pytest.mark.parametrize(("order", "first"), [("oldest", [100, 101]), ("newest", [100, 99])])
def test_going_to_an_event(as_victor: Client, history: Run, order: str, first: list[int]) -> None:
    content = shown(as_victor, history, f"order={order}&at=100")
    assert ids(content)[:2] == first
    assert re.search(r'data-load="[^"]+/events/100/" open', content)


def test_filters_live_in_the_address(as_victor: Client, history: Run) -> None:
    content = shown(as_victor, history, "kind=activity&kind=WorkflowExecutionStarted")
    assert ids(content) == [1, 2, 3, 4]
    assert re.search(r'aria-current="true">activity<', content)
    assert "<option selected>WorkflowExecutionStarted" in content
    assert ids(shown(as_victor, history, "text=NUMBER 77")) == [77]
    assert ids(shown(as_victor, history, "kind=activity&text=money&order=newest")) == [4]


def test_nothing_that_fits_says_what_to_do(as_victor: Client, history: Run) -> None:
    Run.objects.update(status="completed", closed_at=timezone.now())
    content = shown(as_victor, history, "text=nowhere")
    assert "No event fits" in content
    assert "All events" in content


def test_a_search_says_how_far_it_went(
    as_victor: Client, history: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(histories, "MOST_SEARCHED", 100)
    content = shown(as_victor, history, "text=number 177")
    assert "Searched as far as event 100" in content
    assert ids(as_victor.get(follows(content)).content.decode()) == [177]


def test_what_is_new_is_appended(as_victor: Client, history: Run) -> None:
    assert rows(as_victor, history, "after=250") == ""
    keep_history(history, [signaled("late")])
    content = rows(as_victor, history, "after=250")
    assert ids(content) == [251]
    assert "after=251" in content
    assert f'data-live="run:{history.id}"' in content
    keep_history(history, [close()])
    content = rows(as_victor, history, "after=251")
    assert ids(content) == [252]
    assert "hx-get" not in content


def test_with_the_newest_first_what_is_new_comes_on_top(as_victor: Client, history: Run) -> None:
    assert "newer=250" in shown(as_victor, history, "order=newest")
    assert rows(as_victor, history, "order=newest&newer=250") == ""
    keep_history(history, [signaled("a"), signaled("b")])
    content = rows(as_victor, history, "order=newest&newer=250")
    assert ids(content) == [252, 251]
    assert "newer=252" in content


def test_waiting_for_what_fits_does_not_search_the_same_again(as_victor: Client, history: Run) -> None:
    keep_history(history, [signaled("other")])
    content = rows(as_victor, history, "text=nowhere&after=250")
    assert ids(content) == []
    assert "after=251" in content
    assert rows(as_victor, history, "text=nowhere&after=251") == ""


def test_a_closed_run_waits_for_nothing(as_victor: Client, history: Run) -> None:
    keep_history(history, [close()])
    for address in ("at=200", "order=newest"):
        assert "every 1500ms" not in shown(as_victor, history, address)


@pytest.mark.parametrize(
    "address", ["after=-1", "after=x", "at=٣", "before=" + "9" * 30, "kind=\x00", "text=%00"]
)
def test_a_broken_address_breaks_nothing(as_victor: Client, history: Run, address: str) -> None:
    shown(as_victor, history, address)
    rows(as_victor, history, address)


def test_an_event_shows_what_it_carries_and_what_belongs_to_it(as_victor: Client, history: Run) -> None:
    address = reverse("run_event", args=[history.id, 4])
    page = as_victor.get(address).content.decode()
    assert "no &lt;money&gt;" in page
    assert "&quot;scheduled_event_id&quot;: &quot;2&quot;" in page
    for id in (2, 3, 5):
        assert reverse("run_event", args=[history.id, id]) in page
    part = as_victor.get(address, headers=HTMX).content.decode()
    assert "<html" not in part
    assert "scheduled_event_id" in part


def test_a_stack_trace_is_shown_in_lines_and_that_of_the_cause_too(as_victor: Client, history: Run) -> None:
    failure = {
        "message": "not charged",
        "stack_trace": 'File "a.py", line 1\n  charge()\n',
        "cause": {"message": "503", "stack_trace": "line 2\n  <connect>()\n"},
    }
    failed = event(
        EventType.EVENT_TYPE_ACTIVITY_TASK_FAILED, scheduled_event_id=2, started_event_id=3, failure=failure
    )
    keep_history(history, [failed])
    page = as_victor.get(reverse("run_event", args=[history.id, 251])).content.decode()
    assert ">File &quot;a.py&quot;, line 1\n  charge()\n</pre>" in page
    assert ">line 2\n  &lt;connect&gt;()\n</pre>" in page


def test_an_event_of_a_newer_server_is_shown_raw(as_victor: Client, history: Run) -> None:
    keep_history(history, [event(9999)])
    assert "9999" in shown(as_victor, history, "at=251")
    assert "&quot;raw&quot;" in as_victor.get(reverse("run_event", args=[history.id, 251])).content.decode()


@pytest.mark.parametrize("id", [0, 251, 2**31 - 1, 10**30])
def test_an_event_that_is_not_there(as_victor: Client, history: Run, id: int) -> None:
    assert as_victor.get(reverse("run_event", args=[history.id, id])).status_code == 404


def test_a_history_that_retention_took_says_so(as_victor: Client, history: Run) -> None:
    history.chunks.all().delete()
    Run.objects.update(forgotten_at=timezone.now(), status="completed", closed_at=timezone.now())
    assert "The history is gone" in shown(as_victor, history)


@pytest.mark.parametrize("address", ["", "order=newest", "text=number 77", "at=200"])
def test_the_number_of_queries_stays_small(
    as_victor: Client, history: Run, address: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_max_num_queries(14 if "text" in address else 12):
        shown(as_victor, history, address)
