"""The people that the slices' tests are about."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from reviews.escalations.models import Escalation
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.fake_engine import FakeEngine
from tests.support.people import People, ask_refund, start_refund
from tests.support.rest import Rest


@pytest.fixture(autouse=True)
def static_files_are_looked_up_when_asked_for(settings: Settings) -> None:
    """Each test client starts Django's middleware anew, and whitenoise would read every static file there."""
    settings.WHITENOISE_AUTOREFRESH = True


@pytest.fixture
def fake_engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    """In place of Temporal, for what is read from it now."""
    fake = FakeEngine()
    monkeypatch.setattr("reviews.runs.present.engine", lambda: fake)
    return fake


@pytest.fixture
def people(db: None) -> People:
    return People()


@pytest.fixture
def home(people: People) -> Workspace:
    """Alice's workspace. Its members join when a test asks for them: making all of them took a fifth of the tests' time."""
    return people.home


@pytest.fixture
def abroad(people: People) -> Workspace:
    """Charlie's workspace."""
    return people.abroad


@pytest.fixture
def run(people: People, home: Workspace) -> Run:
    """A running refund that Olga started at home."""
    return start_refund(home, people.olga)


@pytest.fixture
def question(run: Run) -> Escalation:
    """What that refund asks."""
    return ask_refund(run)


@pytest.fixture
def rest(people: People, home: Workspace) -> Rest:
    """The REST interface over HTTP, in turn as each of the people."""
    return Rest(Client(raise_request_exception=False), people)


@pytest.fixture
def alice(people: People) -> Account:
    return people.alice


@pytest.fixture
def ada(people: People) -> Account:
    return people.ada


@pytest.fixture
def olga(people: People) -> Account:
    return people.olga


@pytest.fixture
def bob(people: People) -> Account:
    return people.bob


@pytest.fixture
def victor(people: People) -> Account:
    return people.victor


@pytest.fixture
def robo(people: People) -> Account:
    return people.robo


@pytest.fixture
def charlie(people: People, abroad: Workspace) -> Account:
    return people.charlie
