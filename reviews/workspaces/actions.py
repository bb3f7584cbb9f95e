"""Making workspaces and giving roles in them."""

from __future__ import annotations

from django.db import transaction

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.people.models import Account
from reviews.workspaces.models import Membership, Role, Workspace


class OwnershipIsTransferred(Exception):
    """A workspace has exactly one owner, who changes by transfer only."""


def create_workspace(slug: str, name: str, namespace: str, *, owner: Account) -> Workspace:
    """A workspace and its one owner, made together."""
    with transaction.atomic():
        workspace = Workspace.objects.create(slug=slug, name=name, namespace=namespace)
        Membership.objects.create(workspace=workspace, account=owner, role=Role.OWNER)
        audit.record("workspace.created", "workspace", workspace.id, by=owner, workspace_id=workspace.id)
        changes.record(("workspace", workspace.id), workspace_id=workspace.id)
        return workspace


def grant(workspace: Workspace, account: Account, role: Role, *, by: Account | None) -> Membership:
    """Give ``role``; giving it again changes nothing. Raises :class:`OwnershipIsTransferred` for the owner's role."""
    if role == Role.OWNER:
        raise OwnershipIsTransferred
    with transaction.atomic():
        membership, created = Membership.objects.get_or_create(
            workspace=workspace, account=account, role=role
        )
        if created:
            audit.record(
                "role.granted",
                "account",
                account.id,
                by=by,
                workspace_id=workspace.id,
                role=role,
                name=account.name,
            )
            changes.record(("workspace", workspace.id), workspace_id=workspace.id)
        return membership
