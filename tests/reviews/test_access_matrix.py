"""Every route × every person × a thing at home or abroad. A route that is not in the table fails."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from reviews.api.api import api
from reviews.artifacts.actions import write_version
from reviews.drills.actions import end_drill, start_drill
from reviews.drills.models import DrillKind, DrillState
from reviews.people.models import Account
from reviews.runs.models import ModelCall
from reviews.workspaces.models import Workspace
from tests.reviews.routes import (
    ALLAUTH,
    OPEN,
    OWN_LISTS,
    PAGES,
    PERSONAL,
    PROBES,
    READERS,
    REST,
    Route,
    World,
)
from tests.support.histories import keep_history, started
from tests.support.people import People, approve, ask_refund, register_refund, start_refund

pytestmark = pytest.mark.django_db
Answer = Literal["through", "forbidden", "not found", "sign in"]


def _routes(resolver: Any, prefix: str = "") -> Iterator[tuple[str, str | None]]:
    for pattern in resolver.url_patterns:
        address = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern, address)
        elif isinstance(pattern, URLPattern):
            yield address, pattern.name


def _below(prefix: str) -> list[tuple[str, str | None]]:
    return [(address, name) for address, name in _routes(get_resolver()) if address.startswith(prefix)]


def test_every_route_is_in_the_table() -> None:
    guarded = {
        address for address, _ in _routes(get_resolver()) if not address.startswith(("admin/", "accounts/"))
    }
    listed = {route.address for route in (*REST, *PAGES)} | {*PERSONAL, *OWN_LISTS, *OPEN, *PROBES}

    assert guarded == listed - {"admin/login/"}


def test_every_operation_of_rest_is_in_the_table() -> None:
    document = api.get_openapi_schema(path_prefix="api/v1/")
    operations = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    listed = {
        (route.method, "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.address))
        for route in REST
        if route.home
    }

    assert operations == listed


def test_every_route_of_allauth_is_known() -> None:
    assert {name for _, name in _below("accounts/")} == ALLAUTH


@pytest.fixture(scope="module")
def people(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[People]:
    """Everybody, made once for all routes, in one transaction: what a request does is rolled back to here."""
    with django_db_blocker.unblock(), transaction.atomic():
        everybody = People()
        for name in (*sorted(READERS), "charlie"):
            _bearer(everybody, name)
            _session(everybody, name)
        yield everybody
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def world(people: People) -> World:
    return _made(people.home, people.olga, people.bob)


@pytest.fixture(scope="module")
def foreign(people: People) -> World:
    return _made(people.abroad, people.charlie, people.charlie)


def _made(workspace: Workspace, starter: Account, reviewer: Account) -> World:
    run = start_refund(workspace, starter)
    keep_history(run, [started(run)])
    version = write_version(
        workspace, "report.md", b"# Report", media_type="text/markdown", by=starter, run=run
    )
    register_refund(workspace.namespace)
    decision = approve(ask_refund(run, "decided"), reviewer)
    call = ModelCall.objects.create(
        run=run, activity_id="5", attempt=1, model="m", messages=[], started_at=timezone.now(), duration_ms=1
    )
    drill = start_drill(workspace, DrillKind.WORKER, by=starter)
    end_drill(drill, DrillState.PASSED, "All is well.")
    return World(workspace, run, ask_refund(run, "open"), decision, version, call, drill)


@pytest.mark.parametrize("route", REST, ids=str)
def test_rest(route: Route, people: People, world: World, foreign: World) -> None:
    everybody = {*READERS, "charlie", "nobody"}
    found = {
        (name, thing.workspace.slug): _answer(_call(route, thing, people, name))
        for name in everybody
        for thing in (world, foreign)
    }

    assert found == {cell: _expected(route, *cell) for cell in found}


@pytest.mark.parametrize("route", PAGES, ids=str)
def test_pages(route: Route, people: People, world: World, foreign: World) -> None:
    everybody = {*READERS - {"robo"}, "charlie", "nobody"}
    found = {
        (name, thing.workspace.slug): _answer(_visit(route, thing, people, name))
        for name in everybody
        for thing in (world, foreign)
    }

    assert found == {cell: _expected(route, *cell) for cell in found}


@pytest.mark.parametrize("route", [route for route in PAGES if route.method == "POST"], ids=str)
def test_another_site_posts_no_form(route: Route, people: People, world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(people.alice)

    assert client.post(_path(route, world), _body(route, world)).status_code == 403


@pytest.mark.parametrize("address", OWN_LISTS)
def test_a_list_shows_what_is_ones_own(address: str, people: People, world: World, foreign: World) -> None:
    for name in sorted(READERS - {"robo"}):
        shown = _signed_in(people, name).get(f"/{address}").content.decode()
        assert _mentions(shown, world) and not _mentions(shown, foreign), name
    shown = _signed_in(people, "charlie").get(f"/{address}").content.decode()
    assert _mentions(shown, foreign) and not _mentions(shown, world)
    assert _answer(Client().get(f"/{address}")) == "sign in"


@pytest.mark.parametrize("address", OPEN)
def test_what_is_open_to_everybody(address: str, people: People) -> None:
    assert Client().get("/" + re.sub("<.*>", "x", address)).status_code == OPEN[address]


def test_the_admin_is_for_staff(people: People, world: World) -> None:
    addresses = [reverse("admin:index"), reverse("admin:reviews_account_changelist")]
    for name in (*sorted(READERS), "charlie", "nobody"):
        client = Client() if name == "nobody" else _signed_in(people, name)
        assert {client.get(address).status_code for address in addresses} == {302}, name
    with transaction.atomic():
        Account.objects.filter(id=people.alice.id).update(is_staff=True, is_superuser=True)
        assert {_signed_in(people, "alice").get(address).status_code for address in addresses} == {200}
        transaction.set_rollback(True)


def test_nobody_signs_up(people: People) -> None:
    before = Account.objects.count()
    form = {"username": "mallory", "password1": "correct horse battery", "password2": "correct horse battery"}
    Client().post(reverse("account_signup"), form)

    assert Account.objects.count() == before


def _expected(route: Route, name: str, slug: str) -> Answer:
    if not route.home:
        return "not found"
    if name == "nobody":
        return "sign in"
    may = name == "charlie" or name in route.home
    if slug == ("abroad" if name == "charlie" else "home"):
        return "through" if may else "forbidden"
    # Where no id is in the address, who may do this nowhere is told so before anything is looked up.
    return "not found" if may or "<" in route.address else "forbidden"


def _call(route: Route, world: World, people: People, name: str) -> HttpResponseBase:
    headers = {"Idempotency-Key": "k"}
    if name != "nobody":
        headers["Authorization"] = _bearer(people, name)
    with transaction.atomic():
        body = json.dumps(_body(route, world)).encode()
        client = Client(raise_request_exception=False)
        response = client.generic(
            route.method, _path(route, world), body, "application/json", headers=headers
        )
        transaction.set_rollback(True)
    return response


def _visit(route: Route, world: World, people: People, name: str) -> HttpResponseBase:
    client = Client(raise_request_exception=False) if name == "nobody" else _signed_in(people, name)
    with transaction.atomic():
        if route.method == "GET":
            response = client.get(_path(route, world))
        else:
            response = client.post(_path(route, world), _body(route, world))
        transaction.set_rollback(True)
    return response


@cache
def _bearer(people: People, name: str) -> str:
    return people.bearer(getattr(people, name), people.abroad if name == "charlie" else people.home)


def _signed_in(people: People, name: str) -> Client:
    client = Client(raise_request_exception=False)
    client.cookies[settings.SESSION_COOKIE_NAME] = _session(people, name)
    return client


@cache
def _session(people: People, name: str) -> str:
    client = Client()
    client.force_login(getattr(people, name), backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _path(route: Route, world: World) -> str:
    ids = {
        "run_id": world.run.id,
        "escalation_id": world.question.id,
        "question_id": world.question.id,
        "decision_id": world.decision.id,
        "file_id": world.version.id,
        "version_id": world.version.id,
        "drill_id": world.drill.id,
        "activity_id": "5",
        "event_id": 1,
        "call_id": world.call.id,
    }
    address = re.sub(
        r"<(?:\w+:)?(\w+)>", lambda match: str(ids[match[1]]), route.address.replace(r"^[\s\S]*$", "nowhere")
    )
    return f"/{address}?workspace={world.workspace.slug}" if route.filtered else f"/{address}"


def _body(route: Route, world: World) -> dict[str, Any]:
    return route.body(world) if route.body is not None else {}


def _answer(response: HttpResponseBase) -> Answer:
    """A refusal for other reasons than rights came through: 422, 409, and 503, for no Temporal is asked here."""
    status = response.status_code
    if status == 401 or (status == 302 and response["Location"].startswith("/accounts/login/")):
        return "sign in"
    if status in (403, 404):
        return "forbidden" if status == 403 else "not found"
    assert status < 500 or status == 503, status
    return "through"


def _mentions(shown: str, world: World) -> bool:
    things = (world.workspace, world.question, world.run, world.version)
    return any(str(thing.id) in shown for thing in things)
