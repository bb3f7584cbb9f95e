"""Making workspaces and giving roles in them."""

from __future__ import annotations

from django.db import transaction

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.people.models import Account
from reviews.workspaces.models import Membership, Role, Workspace

LONGEST_KEPT = 36_500
"""Days."""


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


def keep_histories(workspace: Workspace, days: int | None, *, by: Account | None) -> None:
    """For how long after a run closed its history is kept; None is for ever. Raises ``ValueError``."""
    if days is not None and not 1 <= days <= LONGEST_KEPT:
        raise ValueError(f"Histories are kept for 1 to {LONGEST_KEPT} days, or for ever.")
    with transaction.atomic():
        workspace = Workspace.objects.select_for_update().get(id=workspace.id)
        if workspace.keep_days == days:
            return
        before, workspace.keep_days = workspace.keep_days, days
        workspace.save(update_fields=["keep_days"])
        audit.record(
            "workspace.kept",
            "workspace",
            workspace.id,
            by=by,
            workspace_id=workspace.id,
            days=days,
            before=before,
        )
        changes.record(("workspace", workspace.id), workspace_id=workspace.id)


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
            changes.record(("workspace", workspace.id), ("account", account.id), workspace_id=workspace.id)
        return membership


def withdraw(workspace: Workspace, account: Account, role: Role, *, by: Account | None) -> None:
    """Take ``role`` away; one that is not held changes nothing. Raises :class:`OwnershipIsTransferred`."""
    if role == Role.OWNER:
        raise OwnershipIsTransferred
    with transaction.atomic():
        if not Membership.objects.filter(workspace=workspace, account=account, role=role).delete()[0]:
            return
        audit.record(
            "role.withdrawn",
            "account",
            account.id,
            by=by,
            workspace_id=workspace.id,
            role=role,
            name=account.name,
        )
        changes.record(("workspace", workspace.id), ("account", account.id), workspace_id=workspace.id)
