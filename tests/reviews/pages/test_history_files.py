"""A history as a file: downloaded, and taken in by a form."""

from __future__ import annotations

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from reviews.pages import histories as page
from reviews.runs.models import Run
from tests.support.histories import activity, close, keep_history, signaled, started


@pytest.fixture
def history(run: Run) -> Run:
    return keep_history(run, [started(run), *activity(2, "pay"), signaled("hurry"), close()])


def download(client: Client, run: Run) -> bytes:
    answer = client.get(reverse("history", args=[run.id]))
    assert answer["Content-Disposition"] == f'attachment; filename="{run.workflow_id}_events.json"'
    return b"".join(answer.streaming_content)  # type: ignore[arg-type]


def upload(client: Client, data: bytes | None, workspace: str = "home") -> HttpResponse:
    file = {"history": SimpleUploadedFile("history.json", data)} if data is not None else {}
    return client.post(reverse("imports"), {"workspace": workspace, **file})


def test_what_is_downloaded_can_be_taken_in(as_olga: Client, history: Run) -> None:
    data = download(as_olga, history)
    assert len(json.loads(data)["events"]) == 6
    answer = upload(as_olga, data)
    taken = Run.objects.exclude(id=history.id).get()
    assert answer["Location"] == reverse("run", args=[taken.id])
    content = as_olga.get(answer["Location"], {"tab": "events"}).content.decode()
    assert "No server knows this run" in content
    assert "ActivityTaskScheduled" in content


def test_an_imported_run_that_looks_open_offers_no_control_and_rests(as_olga: Client, run: Run) -> None:
    data = download(as_olga, keep_history(run, [started(run)]))
    address = upload(as_olga, data)["Location"]
    for tab in ("steps", "events", "details"):
        content = as_olga.get(address, {"tab": tab}).content.decode()
        assert "Terminate…" not in content
        assert "every 1500ms" not in content
    taken = Run.objects.exclude(id=run.id).get()
    assert as_olga.post(reverse("cancellation", args=[taken.id])).status_code == 409


@pytest.mark.parametrize("data", [None, b"", b"{", b'{"events":[{}]}'])
def test_a_bad_file_is_explained_beside_the_field(as_olga: Client, data: bytes | None) -> None:
    answer = upload(as_olga, data)
    assert answer.status_code == 422
    assert b'id="history-error"' in answer.content
    assert not Run.objects.exists()


def test_too_large_a_file_is_not_read(as_olga: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "LARGEST_FILE", 10)
    answer = upload(as_olga, b"x" * 11)
    assert answer.status_code == 422
    assert b"larger than" in answer.content


def test_who_may_not_start_runs_takes_none_in(as_victor: Client, as_charlie: Client, history: Run) -> None:
    data = download(as_victor, history)
    assert upload(as_victor, data).status_code == 403
    assert upload(as_charlie, data).status_code == 404
    assert Run.objects.count() == 1


def test_a_name_that_no_header_carries_becomes_one(as_victor: Client, history: Run) -> None:
    Run.objects.update(workflow_id='a/b"\n\u202ec')
    answer = as_victor.get(reverse("history", args=[history.id]))
    assert answer["Content-Disposition"] == 'attachment; filename="a_b___c_events.json"'
