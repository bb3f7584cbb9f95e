"""A run whose history was removed says so, and shows no empty lists in its place."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from reviews.artifacts.actions import write_version
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.actions import keep_histories
from tests.support.rest import Rest


@pytest.fixture
def forgotten(run: Run) -> Run:
    write_version(run.workspace, "report.md", b"# Report", media_type="text/markdown", run=run)
    keep_histories(run.workspace, 30, by=None)
    Run.objects.filter(id=run.id).update(
        status="completed", closed_at=timezone.now(), forgotten_at=timezone.now(), input=None
    )
    return run


def shown(client: Client, run: Run, tab: str = "steps") -> str:
    return client.get(f"/runs/{run.id}/", {"tab": tab}).content.decode()


@pytest.mark.parametrize("tab", ["steps", "events", "calls"])
def test_it_says_what_was_removed_when_and_by_which_setting(
    as_victor: Client, forgotten: Run, tab: str
) -> None:
    content = shown(as_victor, forgotten, tab)
    assert "What this run did was removed" in content
    assert "keeps histories for 30 days" in content
    assert "manage.py workspace keep home DAYS" in content
    for empty in ("did anything", "No event yet", "No model was called", "None was given"):
        assert empty not in content


def test_its_files_are_still_there(as_victor: Client, forgotten: Run) -> None:
    content = shown(as_victor, forgotten, "files")
    assert "report.md" in content
    assert "What this run did was removed" in content


def test_a_setting_that_changed_since_is_not_blamed(as_victor: Client, forgotten: Run) -> None:
    keep_histories(forgotten.workspace, None, by=None)
    assert "has kept histories for ever since then" in shown(as_victor, forgotten)


def test_other_runs_say_nothing_of_it(as_victor: Client, run: Run) -> None:
    assert "was removed" not in shown(as_victor, run)


def test_rest_says_when(rest: Rest, forgotten: Run, victor: Account) -> None:
    answer = rest.get(f"/runs/{forgotten.id}", victor).json
    assert answer["forgotten_at"] is not None
    assert answer["input"] is None
