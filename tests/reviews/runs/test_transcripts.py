"""A large model call: its row holds the beginnings, storage the whole, and what storage does fails nothing."""

from __future__ import annotations

import json
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import FileSystemStorage, default_storage

from reviews.runs import transcripts
from reviews.runs.models import ModelCall, Run
from reviews.runs.transcripts import Gone, whole_of
from tests.support.calls import record_call

LONG = "Once upon a time. " * 10_000
MESSAGES = [{"role": "system", "content": "Answer."}, {"role": "user", "content": LONG}]


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """No failure of an earlier test is remembered."""
    monkeypatch.setattr(transcripts, "_resting_until", 0.0)


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real storage whose folder cannot be had: a file stands there."""
    place = tmp_path / "files"
    place.write_text("not a folder")
    monkeypatch.setattr(transcripts, "default_storage", FileSystemStorage(location=place))


@pytest.fixture
def full() -> Iterator[None]:
    """No file of this process may grow beyond 10 kB, as on a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def said(call: ModelCall) -> list[tuple[str, str]]:
    return list(whole_of(call))


def row_size(call: ModelCall) -> int:
    return len(json.dumps(call.messages)) + len(call.answer)


def test_a_small_call_stays_in_its_row(run: Run) -> None:
    call = record_call(run)
    assert (call.whole_at, call.whole_bytes) == ("", None)
    assert said(call) == [("user", "Plan it."), ("answer", "A plan.")]


def test_a_large_one_is_kept_whole_beside_it(run: Run) -> None:
    call = record_call(run, messages=MESSAGES, answer="And then " + LONG)
    assert row_size(call) < transcripts.LARGE / 2
    assert call.whole_bytes is not None and call.whole_bytes > 2 * len(LONG)
    assert call.messages[1]["content"] == LONG[: transcripts.MESSAGE]
    assert said(call) == [("system", "Answer."), ("user", LONG), ("answer", "And then " + LONG)]


def test_a_conversation_begins_and_ends_in_its_row(run: Run) -> None:
    turns = [{"role": "user", "content": f"{number}: {'x' * 900}"} for number in range(200)]
    call = record_call(run, messages=turns)
    assert [turn["content"].split(":")[0] for turn in call.messages[:2]] == ["0", "181"]
    assert len(said(call)) == 201
    assert row_size(call) < transcripts.LARGE


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "text", "text": LONG}]},
        {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "pay", "arguments": LONG}}]},
        {"content": LONG},
        {"role": "user", "content": "\x00\ud800" + LONG},
    ],
)  # fmt: skip
def test_whatever_a_message_is_its_words_are_kept(run: Run, message: dict[str, Any]) -> None:
    call = record_call(run, messages=[message])
    assert row_size(call) < transcripts.LARGE
    assert LONG in said(call)[0][1]


@pytest.mark.usefixtures("away")
def test_storage_that_is_away_costs_no_more_than_the_rest(run: Run, caplog: pytest.LogCaptureFixture) -> None:
    call = record_call(run, messages=MESSAGES)
    assert (call.whole_at, bool(call.whole_bytes)) == ("", True)
    assert call.messages[1]["content"] == LONG[: transcripts.MESSAGE]
    assert "Only the beginnings of a model call are kept" in caplog.text
    caplog.clear()
    record_call(run, messages=MESSAGES)
    assert caplog.text == "", "it is left alone for a while"


@pytest.mark.usefixtures("full")
def test_storage_that_is_full_keeps_no_half(run: Run) -> None:
    call = record_call(run, messages=MESSAGES)
    assert call.whole_at == ""
    assert not default_storage.exists(f"model-calls/{str(call.id)[:2]}/{call.id}.json")


def test_the_same_note_twice_is_kept_once(run: Run) -> None:
    fields = {"messages": MESSAGES, "answer": ""}
    first, second = (transcripts.without_bulk("00-once", fields)["whole_at"] for _ in range(2))
    assert first == second
    default_storage.delete(first)


def test_what_storage_lost_is_gone(run: Run) -> None:
    call = record_call(run, messages=MESSAGES)
    default_storage.delete(call.whole_at)
    with pytest.raises(Gone):
        said(call)
