"""What a first ``up`` finds there: the workspace ``demo`` and the accounts to try it with."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from reviews.people.models import Account
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Role, Workspace

SLUG = "demo"
PEOPLE = {"reviewer": Role.REVIEWER, "viewer": Role.VIEWER}
AGENT = "researcher"


def seed_demo(namespace: str = "default") -> Workspace:
    """The demo workspace, made once; later calls change nothing, not even what an admin took away."""
    workspace = Workspace.objects.filter(slug=SLUG).first()
    if workspace is not None:
        return workspace
    with transaction.atomic():
        owner = _account("owner", is_staff=True, is_superuser=True)
        workspace = workspaces.create_workspace(SLUG, "Demo", namespace, owner=owner)
        for name, role in PEOPLE.items():
            workspaces.grant(workspace, _account(name), role, by=owner)
        agent = _account(AGENT, kind=Account.Kind.AGENT)
        workspaces.grant(workspace, agent, Role.OPERATOR, by=owner)
        return workspace


def _account(name: str, **fields: Any) -> Account:
    return Account.objects.filter(name=name).first() or Account.objects.create_user(
        name, title=name.capitalize(), **fields
    )
