"""A child is met by its first activity, before the mirror has read who started it."""

from __future__ import annotations

import pytest

from reviews.people.models import Account
from reviews.runs import mirroring
from reviews.runs.models import Run
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Workspace


@pytest.fixture
def second(home: Workspace, olga: Account) -> Workspace:
    """In the namespace of the older one, to which everything falls that nobody knows."""
    return workspaces.create_workspace("second", "Second", home.namespace, owner=olga)


def test_it_belongs_to_the_workspace_of_the_run_that_it_is_named_below(run: Run, second: Workspace) -> None:
    Run.objects.filter(id=run.id).update(workspace=second)

    child = mirroring.adopt(run.namespace, f"{run.workflow_id}/billing", "first")
    grandchild = mirroring.adopt(run.namespace, f"{run.workflow_id}/billing/clerk", "first")
    stranger = mirroring.adopt(run.namespace, "nobody/billing", "first")

    assert (child.workspace, grandchild.workspace) == (second, second)
    assert stranger.workspace == run.workspace
