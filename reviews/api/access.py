"""Who calls: a bearer token, never a session, so that no other site can act for somebody signed in."""

from __future__ import annotations

import uuid
from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from reviews.people.actions import token_of
from reviews.runs import watching
from reviews.runs.models import Run
from reviews.runs.queries import run_for
from reviews.workspaces.access import Viewer


class Token(HttpBearer):
    """`manage.py token create` makes one."""

    def authenticate(self, request: HttpRequest, token: str) -> Viewer | None:
        found = token_of(token)
        return Viewer(found.account, found) if found is not None else None


def viewer_of(request: HttpRequest) -> Viewer:
    return cast(Viewer, request.auth)  # type: ignore[attr-defined]


def watched_run(request: HttpRequest, run_id: uuid.UUID) -> Run:
    """What the caller looks at; it is mirrored at once for a while. Raises as ``run_for`` does."""
    run = run_for(viewer_of(request), run_id)
    if run.is_open:
        watching.watch([run.id])
    return run
