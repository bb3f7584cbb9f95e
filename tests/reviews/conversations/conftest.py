"""A conversation that Olga began."""

from __future__ import annotations

import pytest

from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.conversations import start_chat


@pytest.fixture
def run(home: Workspace, olga: Account) -> Run:
    return start_chat(home, olga)
