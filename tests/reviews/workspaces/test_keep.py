"""For how long a workspace keeps histories: set by the person at the console, and audited."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from reviews.audit.models import AuditEvent
from reviews.workspaces.models import Workspace


def keep(*words: str) -> str:
    said = StringIO()
    call_command("workspace", "keep", *words, stdout=said)
    return said.getvalue()


def test_histories_are_kept_for_so_many_days(home: Workspace) -> None:
    assert keep("home", "30") == "home keeps histories for 30 days after a run closes.\n"
    home.refresh_from_db()
    assert home.keep_days == 30
    event = AuditEvent.objects.get(verb="workspace.kept")
    assert (event.object_id, event.details) == (str(home.id), {"days": 30, "before": None})


def test_and_for_ever_again(home: Workspace) -> None:
    keep("home", "30")
    assert "for ever" in keep("home", "forever")
    home.refresh_from_db()
    assert home.keep_days is None
    assert AuditEvent.objects.filter(verb="workspace.kept").count() == 2


def test_saying_it_again_changes_nothing(home: Workspace) -> None:
    keep("home", "30")
    keep("home", "30")
    assert AuditEvent.objects.filter(verb="workspace.kept").count() == 1


@pytest.mark.parametrize("days", ["0", "-1", "x", "٣", "1.5", "99999999", ""])
def test_nonsense_is_refused_in_words(home: Workspace, days: str) -> None:
    with pytest.raises(CommandError, match=r"days|arguments"):
        keep("home", days)
    home.refresh_from_db()
    assert home.keep_days is None


@pytest.mark.django_db
def test_an_unknown_workspace_is_named() -> None:
    with pytest.raises(CommandError, match="nowhere"):
        keep("nowhere", "30")
