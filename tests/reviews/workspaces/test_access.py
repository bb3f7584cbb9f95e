"""Roles give rights, tokens narrow them."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from reviews.people.actions import create_token
from reviews.people.models import Account
from reviews.workspaces import actions
from reviews.workspaces.access import Forbidden, NotFound, Right, Viewer, workspace_for, workspaces_of
from reviews.workspaces.models import Role, Workspace
from tests.support.people import People

R = Right
VIEWER = {R.AGENTS_READ, R.RUNS_READ, R.ESCALATIONS_READ, R.FILES_READ}
REVIEWER = VIEWER | {R.ESCALATIONS_DECIDE}
OPERATOR = VIEWER | {R.RUNS_START, R.RUNS_CONTROL, R.ESCALATIONS_OPEN, R.FILES_WRITE}
ADMIN = REVIEWER | OPERATOR | {R.MEMBERS, R.TOKENS, R.AUDIT}
OWNER = ADMIN | {R.TRANSFER}


@pytest.mark.parametrize(
    ("name", "rights"),
    [
        ("victor", VIEWER),
        ("bob", REVIEWER),
        ("olga", OPERATOR),
        ("robo", OPERATOR),
        ("ada", ADMIN),
        ("alice", OWNER),
        ("charlie", set()),
    ],
)
def test_what_each_role_may(people: People, home: Workspace, name: str, rights: set[Right]) -> None:
    viewer = Viewer(getattr(people, name))

    assert {right for right in Right if viewer.may(right, home.id)} == rights
    assert {right for right in Right if viewer.may_anywhere(right)} == rights


def test_roles_add_up(people: People, home: Workspace, bob: Account) -> None:
    actions.grant(home, bob, Role.OPERATOR, by=people.alice)

    assert {right for right in Right if Viewer(bob).may(right, home.id)} == REVIEWER | OPERATOR


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADMIN])
def test_an_agent_never_decides(people: People, home: Workspace, robo: Account, role: Role) -> None:
    actions.grant(home, robo, role, by=people.alice)

    assert not Viewer(robo).may(R.ESCALATIONS_DECIDE, home.id)


def test_an_agent_that_owns_a_workspace_decides_nothing_there(robo: Account) -> None:
    workspace = actions.create_workspace("robots", "Robots", "default", owner=robo)

    assert Viewer(robo).may(R.TRANSFER, workspace.id)
    assert not Viewer(robo).may(R.ESCALATIONS_DECIDE, workspace.id)


@pytest.mark.parametrize(
    ("name", "scopes", "rights"),
    [
        ("olga", ["*"], OPERATOR),
        ("olga", ["runs:read"], {R.RUNS_READ}),
        ("olga", ["runs:read", "escalations:decide", "members"], {R.RUNS_READ}),
        ("victor", ["runs:start"], set()),
        ("olga", ["runs:read", "a right of yesterday"], {R.RUNS_READ}),
        ("olga", [], set()),
    ],
)
def test_scopes_take_away_and_never_add(
    people: People, home: Workspace, name: str, scopes: list[str], rights: set[Right]
) -> None:
    account = getattr(people, name)
    token, _ = create_token(account, home, scopes, by=people.alice)

    assert {right for right in Right if Viewer(account, token).may(right, home.id)} == rights


def test_a_token_reaches_one_workspace(
    people: People, home: Workspace, abroad: Workspace, bob: Account
) -> None:
    actions.grant(abroad, bob, Role.ADMIN, by=people.charlie)
    token, _ = create_token(bob, home, ["*"], by=bob)

    assert set(Viewer(bob).rights) == {home.id, abroad.id}
    assert set(Viewer(bob, token).rights) == {home.id}


def test_a_token_of_a_workspace_that_one_left_gives_nothing(home: Workspace, bob: Account) -> None:
    token, _ = create_token(bob, home, ["*"], by=bob)
    bob.memberships.all().delete()

    assert Viewer(bob, token).rights == {}


def test_outside_nothing_is_there_and_inside_it_is_forbidden(
    home: Workspace, abroad: Workspace, victor: Account
) -> None:
    with pytest.raises(NotFound):
        Viewer(victor).require(R.RUNS_READ, abroad.id)
    with pytest.raises(Forbidden) as refusal:
        Viewer(victor).require(R.RUNS_START, home.id)
    assert refusal.value.right == R.RUNS_START
    Viewer(victor).require(R.RUNS_READ, home.id)


def test_a_list_is_forbidden_where_no_workspace_gives_the_right(people: People, home: Workspace) -> None:
    stranger = Account.objects.create_user("stranger")

    with pytest.raises(Forbidden):
        Viewer(stranger).require_anywhere(R.RUNS_READ)
    Viewer(people.victor).require_anywhere(R.RUNS_READ)


def test_a_workspace_is_found_by_its_members(
    people: People, home: Workspace, abroad: Workspace, victor: Account
) -> None:
    assert workspace_for(Viewer(victor), "home", R.RUNS_READ) == home
    assert list(workspaces_of(Viewer(victor))) == [home]
    for slug in ("abroad", "nowhere", ""):
        with pytest.raises(NotFound):
            workspace_for(Viewer(victor), slug, R.RUNS_READ)
    with pytest.raises(Forbidden):
        workspace_for(Viewer(victor), "home", R.RUNS_START)


def test_rights_cost_one_query_a_request(
    home: Workspace, victor: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    viewer = Viewer(victor)

    with django_assert_num_queries(1):
        for right in Right:
            viewer.may(right, home.id)
            viewer.may_anywhere(right)
        viewer.workspaces(R.RUNS_READ)
