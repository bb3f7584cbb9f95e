"""Who calls: a bearer token, never a session, so that no other site can act for somebody signed in."""

from __future__ import annotations

from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from reviews.people.actions import token_of
from reviews.workspaces.access import Viewer


class Token(HttpBearer):
    """`manage.py token create` makes one."""

    def authenticate(self, request: HttpRequest, token: str) -> Viewer | None:
        found = token_of(token)
        return Viewer(found.account, found) if found is not None else None


def viewer_of(request: HttpRequest) -> Viewer:
    return cast(Viewer, request.auth)  # type: ignore[attr-defined]
