"""Who may do what: roles give rights, tokens narrow them. Every slice's access function ends here."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from django.db.models import QuerySet

from reviews.people.models import Account, Token
from reviews.workspaces.models import Membership, Role, Workspace


class Right(StrEnum):
    """What a route asks for; also the scopes of a token."""

    AGENTS_READ = "agents:read"
    RUNS_READ = "runs:read"
    RUNS_START = "runs:start"
    RUNS_CONTROL = "runs:control"
    ESCALATIONS_READ = "escalations:read"
    ESCALATIONS_OPEN = "escalations:open"
    ESCALATIONS_DECIDE = "escalations:decide"
    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    MEMBERS = "members"
    TOKENS = "tokens"
    AUDIT = "audit"
    TRANSFER = "transfer"


_VIEW = {Right.AGENTS_READ, Right.RUNS_READ, Right.ESCALATIONS_READ, Right.FILES_READ}
_OPERATE = _VIEW | {Right.RUNS_START, Right.RUNS_CONTROL, Right.ESCALATIONS_OPEN, Right.FILES_WRITE}
_REVIEW = _VIEW | {Right.ESCALATIONS_DECIDE}
_ADMIN = _OPERATE | _REVIEW | {Right.MEMBERS, Right.TOKENS, Right.AUDIT}

RIGHTS: dict[str, frozenset[Right]] = {
    Role.VIEWER: frozenset(_VIEW),
    Role.REVIEWER: frozenset(_REVIEW),
    Role.OPERATOR: frozenset(_OPERATE),
    Role.ADMIN: frozenset(_ADMIN),
    Role.OWNER: frozenset(Right),
}
PERSONS_ONLY = frozenset({Right.ESCALATIONS_DECIDE})
"""A decision is a person's answer: an agent never holds these, whatever its role."""


class NotFound(Exception):
    """There is no such object, or none that this viewer may know of."""


class Forbidden(Exception):
    """The object is known to the viewer, but the role or the token's scopes do not reach this far."""

    def __init__(self, right: Right) -> None:
        super().__init__(f"This needs the right {right}, which your role or token does not give.")
        self.right = right


@dataclass(frozen=True)
class Viewer:
    """An account as it came in: by session (``token`` None) or by token, which binds it to one workspace."""

    account: Account
    token: Token | None = field(default=None)

    @cached_property
    def memberships(self) -> list[Membership]:
        """With their workspaces. One query for the life of the viewer, which is one request."""
        memberships = Membership.objects.filter(account=self.account).select_related("workspace")
        if self.token is not None:
            memberships = memberships.filter(workspace_id=self.token.workspace_id)
        return list(memberships)

    @cached_property
    def rights(self) -> dict[uuid.UUID, frozenset[Right]]:
        """Workspace id → rights there."""
        held: dict[uuid.UUID, set[Right]] = {}
        for membership in self.memberships:
            held.setdefault(membership.workspace_id, set()).update(RIGHTS[membership.role])
        return {workspace_id: self._narrowed(rights) for workspace_id, rights in held.items()}

    def _narrowed(self, rights: Iterable[Right]) -> frozenset[Right]:
        allowed = frozenset(rights)
        if not self.account.is_person:
            allowed -= PERSONS_ONLY
        if self.token is not None and "*" not in self.token.scopes:
            allowed = frozenset(right for right in allowed if right in self.token.scopes)
        return allowed

    def may(self, right: Right, workspace_id: uuid.UUID) -> bool:
        return right in self.rights.get(workspace_id, frozenset())

    def may_anywhere(self, right: Right) -> bool:
        return any(right in rights for rights in self.rights.values())

    def require(self, right: Right, workspace_id: uuid.UUID) -> None:
        """Raises :class:`NotFound` outside the viewer's workspaces and :class:`Forbidden` inside them."""
        if workspace_id not in self.rights:
            raise NotFound
        if not self.may(right, workspace_id):
            raise Forbidden(right)

    def require_anywhere(self, right: Right) -> None:
        """For lists. Raises :class:`Forbidden` when no workspace gives the right."""
        if not self.may_anywhere(right):
            raise Forbidden(right)

    def workspaces(self, right: Right) -> list[uuid.UUID]:
        return [workspace_id for workspace_id, rights in self.rights.items() if right in rights]


def workspaces_of(viewer: Viewer) -> QuerySet[Workspace]:
    return Workspace.objects.filter(id__in=viewer.rights).order_by("name", "id")


def workspace_for(viewer: Viewer, slug: str, right: Right) -> Workspace:
    """Raises :class:`NotFound`, :class:`Forbidden`."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        raise NotFound
    viewer.require(right, workspace.id)
    return workspace
