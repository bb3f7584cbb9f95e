"""Making workspaces and giving roles."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.people.models import Account
from reviews.workspaces import actions
from reviews.workspaces.models import Membership, Role, Workspace


def test_a_workspace_is_made_with_its_owner(alice: Account) -> None:
    workspace = actions.create_workspace("new", "New", "default", owner=alice)

    assert [(member.account, member.role) for member in workspace.memberships.all()] == [(alice, Role.OWNER)]
    assert AuditEvent.objects.get(verb="workspace.created").workspace == workspace
    assert Change.objects.filter(topic="workspace", object_id=str(workspace.id)).exists()


def test_a_workspace_has_exactly_one_owner(home: Workspace, bob: Account) -> None:
    with pytest.raises(actions.OwnershipIsTransferred):
        actions.grant(home, bob, Role.OWNER, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(workspace=home, account=bob, role=Role.OWNER)


def test_a_role_given_twice_is_held_once(home: Workspace, bob: Account, alice: Account) -> None:
    before = AuditEvent.objects.filter(verb="role.granted").count()
    first = actions.grant(home, bob, Role.OPERATOR, by=alice)
    second = actions.grant(home, bob, Role.OPERATOR, by=alice)

    assert first == second
    assert AuditEvent.objects.filter(verb="role.granted").count() == before + 1


def test_a_slug_is_taken_once(home: Workspace, bob: Account) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        actions.create_workspace("home", "Another", "default", owner=bob)
    assert Membership.objects.filter(account=bob, role=Role.OWNER).count() == 0
