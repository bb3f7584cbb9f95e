"""Reading histories where they lie: from any place, in both directions, no further than one request may go."""

from __future__ import annotations

import json

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.runs import histories
from reviews.runs.engine import EventFilter
from reviews.runs.histories import event_in_full, event_lines, group_of, history_file
from reviews.runs.models import Run
from reviews.workspaces.access import NotFound
from tests.support.histories import activity, keep_history, signaled, started

EVENTS = 200


@pytest.fixture
def history(run: Run) -> Run:
    """Signals, in chunks of 50; the activity that begins with event 49 goes on in the second chunk."""
    events = [started(run), *(signaled(f"number {id}") for id in range(2, 49)), *activity(49, "pay")]
    events += [signaled(f"number {id}") for id in range(len(events) + 1, EVENTS + 1)]
    return keep_history(run, events)


@pytest.mark.parametrize(
    ("newest_first", "beyond", "ids", "next"),
    [
        (False, None, [1, 2, 3], 3),
        (False, 49, [50, 51, 52], 52),
        (False, 50, [51, 52, 53], 53),
        (False, 198, [199, 200], None),
        (False, 200, [], None),
        (False, 2**31 - 1, [], None),
        (True, None, [200, 199, 198], 198),
        (True, 52, [51, 50, 49], 49),
        (True, 3, [2, 1], None),
        (True, 1, [], None),
        (True, 0, [], None),
        (True, 2**31 - 1, [200, 199, 198], 198),
    ],
)
def test_from_any_place_in_both_directions(
    history: Run, newest_first: bool, beyond: int | None, ids: list[int], next: int | None
) -> None:
    page = event_lines(history, newest_first=newest_first, beyond=beyond, limit=3)
    assert ([line.id for line in page.lines], page.next, page.cut_short) == (ids, next, False)


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_leave_nothing_out_and_show_nothing_twice(history: Run, newest_first: bool) -> None:
    ids, beyond = [], None
    while True:
        page = event_lines(history, newest_first=newest_first, beyond=beyond, limit=7)
        ids += [line.id for line in page.lines]
        beyond = page.next
        if beyond is None:
            break
    assert sorted(ids, reverse=newest_first) == ids
    assert sorted(ids) == list(range(1, EVENTS + 1))


def test_only_the_chunks_that_are_needed_are_read(history: Run) -> None:
    history.chunks.exclude(first_event=101).update(data=b"not to be read")
    page = event_lines(history, beyond=100, limit=30)
    assert [line.id for line in page.lines] == list(range(101, 131))


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_search_stops_when_it_has_looked_through_enough_and_goes_on(
    history: Run, monkeypatch: pytest.MonkeyPatch, newest_first: bool
) -> None:
    monkeypatch.setattr(histories, "MOST_SEARCHED", 100)
    wanted = EventFilter(text="number 7" if newest_first else "number 180")
    first = event_lines(history, wanted, newest_first=newest_first)
    assert (first.lines, first.next, first.cut_short) == ([], 101 if newest_first else 100, True)
    second = event_lines(history, wanted, newest_first=newest_first, beyond=first.next)
    assert [line.summary for line in second.lines][-1:] == [wanted.text]
    assert (second.next, second.cut_short) == (None, False)


def test_one_event_costs_one_query(history: Run, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(1):
        assert event_in_full(history, 51).attributes["scheduled_event_id"] == "49"
    for id in (0, 201, 2**31 - 1):
        with pytest.raises(NotFound):
            event_in_full(history, id)


@pytest.mark.parametrize("id", [49, 50, 51])
def test_a_group_is_found_across_chunks(history: Run, id: int) -> None:
    assert [line.id for line in group_of(history, event_in_full(history, id))] == [49, 50, 51]


def test_the_file_is_what_temporals_tools_write(history: Run) -> None:
    pieces = list(history_file(history))
    events = json.loads("".join(pieces))["events"]
    assert [int(one["eventId"]) for one in events] == list(range(1, EVENTS + 1))
    assert events[0]["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_STARTED"
    assert events[1]["workflowExecutionSignaledEventAttributes"]["signalName"] == "number 2"
    assert len(pieces) == 2 + history.chunks.count()


def test_the_file_of_a_run_without_history_is_empty(run: Run) -> None:
    assert json.loads("".join(history_file(run))) == {"events": []}


def test_the_file_misses_nothing_that_is_added_to_a_chunk_while_it_is_read(history: Run) -> None:
    pieces = history_file(history)
    read = [next(pieces) for _ in range(5)]
    keep_history(history, [signaled("late"), signaled("later")], chunk=500)  # joined to the last chunk
    assert history.chunks.count() == 4
    ids = [int(event["eventId"]) for event in json.loads("".join([*read, *pieces]))["events"]]
    assert ids == list(range(1, EVENTS + 3))
