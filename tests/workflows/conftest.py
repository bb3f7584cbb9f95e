"""The world that workflows are tested in: real server, real database, real worker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import Client

from reviews.people.models import Account
from reviews.workspaces import actions as workspaces
from reviews.workspaces.models import Role, Workspace
from tests.workflows.world import World, working


@pytest.fixture
def workspace(transactional_db: None) -> Workspace:
    """Bound to the server's own namespace. Activities run in threads, so the rows must be committed."""
    alice = Account.objects.create_user("alice", title="Alice Owner")
    return workspaces.create_workspace("desk", "Desk", "default", owner=alice)


@pytest.fixture
def bob(workspace: Workspace) -> Account:
    bob = Account.objects.create_user("bob", title="Bob")
    workspaces.grant(workspace, bob, Role.REVIEWER, by=None)
    return bob


@pytest_asyncio.fixture
async def quiet_world(
    temporal_server: str, workspace: Workspace, bob: Account, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """Nobody works in it yet."""
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    world = World(await Client.connect(temporal_server), workspace, bob)
    yield world
    await world.clean_up()


@pytest_asyncio.fixture
async def world(quiet_world: World) -> AsyncIterator[World]:
    """With workers. Whatever ran in it must replay."""
    async with working(quiet_world):
        yield quiet_world
        await quiet_world.replay()
