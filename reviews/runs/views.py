"""A person's saved views of the runs page: a name for its filters."""

from __future__ import annotations

import uuid

from django.db import IntegrityError, transaction

from reviews.people.models import Account
from reviews.runs.models import SavedView
from reviews.runs.text import clean
from reviews.workspaces.access import NotFound

MOST = 50
LONGEST_NAME, LONGEST_QUERY = 60, 1000


class ViewRefused(Exception):
    """The view cannot be kept like this; the message is for people."""


def views_of(account: Account) -> list[SavedView]:
    """By name."""
    return list(SavedView.objects.filter(account=account))


def view_for(account: Account, view_id: uuid.UUID) -> SavedView:
    """The one way to a view: it is its owner's alone. Raises :class:`NotFound`."""
    view = SavedView.objects.filter(account=account, id=view_id).first()
    if view is None:
        raise NotFound
    return view


def save_view(account: Account, name: str, query: str) -> SavedView:
    """Keep filters under a name. ``query`` is normal already. Raises :class:`ViewRefused`."""
    name = _usable(name)
    if not query:
        raise ViewRefused("Choose a filter first: all runs need no name.")
    if len(query) > LONGEST_QUERY:
        raise ViewRefused("These filters are too long to be kept. Take some away.")
    with transaction.atomic():
        # One at a time for an account, or two at once would both be the last that fits.
        Account.objects.select_for_update().get(id=account.id)
        if SavedView.objects.filter(account=account).count() >= MOST:
            raise ViewRefused(f"{MOST} views are the most. Delete one that nobody needs.")
        return _named_once(SavedView(account=account, name=name, query=query))


def rename_view(view: SavedView, name: str) -> SavedView:
    """Raises :class:`ViewRefused`."""
    view.name = _usable(name)
    return _named_once(view)


def delete_view(view: SavedView) -> None:
    view.delete()


def _usable(name: str) -> str:
    name = " ".join(str(clean(name)).split())
    if not name:
        raise ViewRefused("A view needs a name.")
    if len(name) > LONGEST_NAME:
        raise ViewRefused(f"A name has at most {LONGEST_NAME} characters.")
    return name


def _named_once(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as error:
        raise ViewRefused(f"You have a view “{view.name}” already. Choose another name.") from error
    return view
