"""Who comes in: bearer tokens and nothing else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from reviews.people.models import Account, Token
from reviews.runs.models import Run
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Role
from tests.support.people import People
from tests.support.rest import Rest


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Bearer ags_nonsense", "Basic YTpi", "Bearer \xe9\xff"]
)
def test_without_a_valid_token_nobody_comes_in(rest: Rest, header: str) -> None:
    answer = rest.get("/runs", header)

    assert (answer.status, answer.problem) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_session_is_no_token(rest: Rest, people: People, run: Run) -> None:
    rest.client.force_login(people.alice)

    assert rest.get("/runs").status == 401
    assert rest.post(f"/runs/{run.id}/cancellation").status == 401


def test_an_expired_revoked_or_disabled_token_ends(rest: Rest, people: People, bob: Account) -> None:
    bearer = people.bearer(bob)
    assert rest.get("/runs", bearer).status == 200

    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert rest.get("/runs", bearer).status == 401
    Token.objects.update(expires_at=None, revoked_at=timezone.now())
    assert rest.get("/runs", bearer).status == 401
    Token.objects.update(revoked_at=None)
    Account.objects.filter(id=bob.id).update(is_active=False)
    assert rest.get("/runs", bearer).status == 401


def test_a_token_of_another_workspace_of_the_same_person_does_not_see_this_one(
    rest: Rest, people: People, bob: Account, run: Run
) -> None:
    workspaces.grant(people.abroad, bob, Role.VIEWER, by=people.charlie)

    assert rest.get(f"/runs/{run.id}", people.bearer(bob)).status == 200
    assert rest.get(f"/runs/{run.id}", people.bearer(bob, people.abroad)).problem == "not-found"


def test_scopes_narrow_what_the_role_gives(rest: Rest, people: People, olga: Account, run: Run) -> None:
    reader = people.bearer(olga, scopes="runs:read escalations:decide")

    assert rest.get(f"/runs/{run.id}", reader).status == 200
    assert rest.post(f"/runs/{run.id}/cancellation", None, reader).problem == "forbidden"
    assert rest.get("/files", reader).problem == "forbidden"


def test_the_document_is_open_to_everybody(rest: Rest) -> None:
    assert rest.get("/openapi.json").json["openapi"].startswith("3.1")
