"""Pages for what goes wrong, each saying what to do."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from reviews.pages import inbox
from reviews.runs.models import Run


def test_a_mistyped_address(as_bob: Client, client: Client) -> None:
    for visitor in (as_bob, client):
        answer = visitor.get("/nowhere/")
        assert answer.status_code == 404
        assert b"start from the inbox" in answer.content


def test_something_that_is_not_there(as_bob: Client, run: Run) -> None:
    answer = as_bob.get(reverse("question", args=[run.id]))
    assert answer.status_code == 404
    assert b"Ask its owner" in answer.content


def test_a_broken_page_needs_nothing_that_may_be_broken(
    as_bob: Client, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "desk_of", lambda request: 1 / 0)
    as_bob.raise_request_exception = False
    answer = as_bob.get("/")
    assert answer.status_code == 500
    assert b"What you recorded before is kept" in answer.content


@pytest.mark.parametrize("address", ["/", "/runs/", "/runs/new/", "/files/", "/accounts/login/", "/nowhere/"])
def test_no_page_needs_inline_scripts_or_styles(as_alice: Client, address: str) -> None:
    answer = as_alice.get(address)
    content = answer.content.decode()
    assert " style=" not in content
    assert "<style" not in content
    assert "<script>" not in content
    assert "onclick" not in content
    assert "default-src 'none'" in answer["Content-Security-Policy"]
