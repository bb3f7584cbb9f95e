"""Stored chunks: an event in one line, one in full, what belongs together, and what a newer server may send."""

from __future__ import annotations

from typing import Any

import pytest
import zstandard
from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import EventType, RetryState
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.runs.engine import Category, EventFilter, EventLine
from tests.support.histories import activity, event, signaled
from workflows.engine import chunks
from workflows.engine.lines import LONGEST, LONGEST_VALUE, known_types

UNKNOWN = 9_999


def packed(events: list[HistoryEvent], first: int = 1) -> bytes:
    for number, one in enumerate(events, first):
        one.event_id = number
    return zstandard.ZstdCompressor().compress(History(events=events).SerializeToString())


def read(*events: HistoryEvent, first: int = 1, **wanted: Any) -> list[EventLine]:
    return list(chunks.lines(packed([*events], first), EventFilter(**wanted), newest_first=False))


def summary(type: int, **attributes: Any) -> str:
    return read(event(type, **attributes))[0].summary


def test_an_activity_says_its_type_at_its_end_too() -> None:
    lines = read(*activity(1, "pay", failure="no money"))
    assert [line.summary for line in lines] == ["pay", "pay · attempt 2", "pay · no money"]
    assert {line.category for line in lines} == {Category.ACTIVITY}
    assert [line.is_bad for line in lines] == [False, False, True]


def test_an_end_whose_beginning_is_in_another_chunk_says_where_that_is() -> None:
    _, _, ended = activity(1, "pay")
    assert read(ended, first=3)[0].summary == 'of event 1 · "done"'


def test_a_failure_says_why_how_often_and_what_was_below_it() -> None:
    failure = Failure(message="no\nluck", cause=Failure(message="429"))
    state = RetryState.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED
    said = summary(EventType.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, failure=failure, retry_state=state)
    assert said == "no luck: 429 · maximum attempts reached"


@pytest.mark.parametrize(
    ("span", "words"),
    [(0.5, "500 ms"), (90, "90 s"), (3600, "1 h"), (5_430, "1 h 30 min 30 s"), (86_400, "1 d")],
)
def test_a_timer_says_how_long(span: float, words: str) -> None:
    time = Duration()
    time.FromMilliseconds(int(span * 1000))
    said = summary(EventType.EVENT_TYPE_TIMER_STARTED, timer_id="7", start_to_fire_timeout=time)
    assert said == f"{words} · timer 7"


def test_what_the_workflow_said_of_it_stands_there_too() -> None:
    line = read(event(EventType.EVENT_TYPE_TIMER_FIRED, timer_id="7", summary="cool down"))[0]
    assert line.summary == "timer 7 · cool down"


def test_what_came_back_or_in_stands_there_as_far_as_it_is_plain_json() -> None:
    scheduled, started, ended = activity(1, "pay")
    result = ended.activity_task_completed_event_attributes.result
    result.payloads[0].data = b'{"paid":\n 4}'
    assert read(scheduled, started, ended)[2].summary == 'pay · {"paid": 4}'
    result.payloads[0].metadata["encoding"] = b"binary/encrypted"
    assert read(scheduled, started, ended)[2].summary == "pay"
    said = read(signaled("hear", "ß" * 100))[0].summary
    assert said == f'hear · "{"ß" * (LONGEST_VALUE - 1)}…'


def test_every_type_that_is_known_reads_without_attributes_and_has_a_category() -> None:
    for number in EventType.values():
        bare = HistoryEvent(event_type=number)
        filled = event(number) if number else bare
        assert all(line.id for line in read(bare, filled)), number
    assert len(known_types()) == len(EventType.values()) - 1
    others = [type for category, type in known_types() if category is Category.OTHER]
    assert others == ["ExternalWorkflowExecutionCancelRequested", "RequestCancelExternalWorkflowExecutionFailed",
                      "RequestCancelExternalWorkflowExecutionInitiated"]  # fmt: skip


def test_a_type_of_a_newer_server_appears_by_its_number() -> None:
    made = event(UNKNOWN)
    line = read(made)[0]
    assert (line.type, line.category) == (str(UNKNOWN), Category.OTHER)
    found = chunks.event(packed([made]), 1)
    assert found is not None
    assert found.attributes == {}
    assert found.aside["raw"]


def test_long_and_unstorable_words_are_cut_and_cleaned() -> None:
    said = read(signaled("a\x00" + "b" * 500))[0].summary
    assert len(said) == LONGEST
    assert said.startswith("a\ufffdb")


def test_types_and_categories_widen_each_other_and_text_narrows() -> None:
    events = [*activity(1, "pay"), signaled("hurry", {"by": "Zoë"}), event(EventType.EVENT_TYPE_TIMER_FIRED)]
    wanted: dict[str, Any] = {"categories": frozenset({"signal"}), "types": frozenset({"TimerFired"})}
    assert [line.id for line in read(*events, **wanted)] == [4, 5]
    assert [line.id for line in read(*events, text="HURRY", **wanted)] == [4]


@pytest.mark.parametrize("text", ["hurry", "HURRY", "zoë", '"by": "zo', "Signaled", "bob"])
def test_text_is_found_in_bytes_as_json_and_in_the_type(text: str) -> None:
    lines = read(*activity(1, "pay"), signaled("hurry", {"by": "zoë"}), text=text)
    assert [line.id for line in lines] == [4]


def test_a_chunk_without_the_text_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = packed(activity(1, "pay"))
    monkeypatch.setattr(chunks, "History", None)
    assert list(chunks.lines(chunk, EventFilter(text="nowhere"), newest_first=True)) == []


def test_what_began_together_belongs_together() -> None:
    chunk = packed([*activity(1, "pay"), *activity(4, "send"), signaled("hurry")])
    assert [line.id for line in chunks.group(chunk, 4)] == [4, 5, 6]
    ended = chunks.event(chunk, 6)
    assert ended is not None
    assert (ended.group, ended.attributes["result"]) == (4, ["done"])
    begun = chunks.event(chunk, 4)
    assert begun is not None
    assert begun.decided_in == 3
    assert chunks.event(chunk, 8) is None


def test_lines_are_read_without_decoding_what_they_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a payload was decoded")

    monkeypatch.setattr("workflows.engine.decoding._decoded", refuse)
    assert [line.id for line in read(*activity(1, "pay"), signaled("hurry", {"much": "x" * 1000}))] == [
        1,
        2,
        3,
        4,
    ]
