"""Saved views: filters under a name, a person's own."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from reviews.people.models import Account
from reviews.runs import views
from reviews.runs.models import Run, SavedView
from reviews.runs.views import ViewRefused, save_view

FAILED = "status=failed&agent=refund"


@pytest.fixture
def view(victor: Account) -> SavedView:
    return save_view(victor, "Failures", FAILED)


def test_the_present_filters_are_saved_in_their_normal_form(
    as_victor: Client, run: Run, victor: Account
) -> None:
    query = "agent=refund&nonsense=1&status=failed&status=dozing&before=1.2&unfold=x"
    answer = as_victor.post("/runs/views/", {"name": "  My   failures ", "query": query}, follow=True)

    view = SavedView.objects.get(account=victor)
    assert (view.name, view.query) == ("My failures", FAILED)
    assert answer.request["QUERY_STRING"] == FAILED
    assert "View: My failures" in answer.content.decode()
    assert "The view “My failures” is kept." in answer.content.decode()


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("", FAILED, "needs a name"),
        (" \x00 ".replace("\x00", ""), FAILED, "needs a name"),
        ("x" * 61, FAILED, "at most 60"),
        ("All", "", "Choose a filter"),
        ("All", "nonsense=1", "Choose a filter"),
        ("Long", "q=" + "%C3%A9" * 290, "too long"),
        ("Failures", "status=open", "already"),
    ],
)
def test_what_cannot_be_kept_is_said(
    as_victor: Client, run: Run, view: SavedView, name: str, query: str, said: str
) -> None:
    answer = as_victor.post("/runs/views/", {"name": name, "query": query}, follow=True)
    assert said in answer.content.decode()
    assert SavedView.objects.count() == 1


def test_fifty_views_are_the_most(victor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(views, "MOST", 2)
    for number in range(2):
        save_view(victor, f"View {number}", FAILED)
    with pytest.raises(ViewRefused, match="2 views are the most"):
        save_view(victor, "Another", FAILED)


def test_a_view_is_renamed(as_victor: Client, run: Run, view: SavedView, victor: Account) -> None:
    as_victor.post(f"/runs/views/{view.id}/name/", {"name": "Broken"})
    view.refresh_from_db()
    assert view.name == "Broken"
    save_view(victor, "Taken", "status=open")
    answer = as_victor.post(f"/runs/views/{view.id}/name/", {"name": "Taken"}, follow=True)
    assert "already" in answer.content.decode()
    assert SavedView.objects.get(id=view.id).name == "Broken"


def test_a_deletion_is_undone_by_the_messages_button(as_victor: Client, run: Run, view: SavedView) -> None:
    page = as_victor.post(f"/runs/views/{view.id}/deletion/", follow=True).content.decode()
    assert not SavedView.objects.exists()
    undo = re.search(r'action="(/runs/views/\?[^"]*)"', page)
    assert undo
    as_victor.post(undo[1].replace("&amp;", "&"))
    restored = SavedView.objects.get()
    assert (restored.name, restored.query) == ("Failures", FAILED)


def test_views_are_their_owners_alone(as_bob: Client, run: Run, view: SavedView) -> None:
    assert "Failures" not in as_bob.get("/runs/").content.decode()
    for what in ("name", "deletion"):
        assert as_bob.post(f"/runs/views/{view.id}/{what}/", {"name": "Mine"}).status_code == 404
    assert SavedView.objects.get().name == "Failures"


def test_nobody_saves_without_signing_in(client: Client, view: SavedView) -> None:
    for address in ("/runs/views/", f"/runs/views/{view.id}/name/", f"/runs/views/{view.id}/deletion/"):
        assert client.post(address, {"name": "x", "query": FAILED})["Location"].startswith("/accounts/login/")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(view.account, backend="django.contrib.auth.backends.ModelBackend")
    assert strict.post("/runs/views/", {"name": "x", "query": FAILED}).status_code == 403
    assert SavedView.objects.count() == 1
