"""Bodies from a hostile client: each gets a problem, none an error of ours."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import REFUND, register_refund
from tests.support.rest import Rest


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"", ""),
        (b"{", ""),
        (b"null", ""),
        (b"[]", ""),
        (b'"refund"', ""),
        (b"\xff\xfe{}", ""),
        (b'{"workspace": "home", "agent": "refund", "input": {"amount": NaN}}', "/input/amount"),
        (b'{"workspace": "home", "agent": "refund", "input": [1, -Infinity]}', "/input/1"),
        (b'{"workspace": "home", "agent": "refund", "input": 1e999}', "/input"),
        (b'{"workspace": "home", "agent": "refund", "input": 1' + b"0" * 400 + b"}", "/input"),
        (b'{"workspace": "home", "agent": "refund", "input": ' + b"9" * 5000 + b"}", ""),
        (b'{"workspace": "home", "input": {}}', "/agent"),
        (b'{"workspace": 5, "agent": "refund", "input": {}}', "/workspace"),
        (b'{"workspace": "home", "agent": "refund", "input": {"a/b~c": NaN}}', "/input/a~1b~0c"),
    ],
)
def test_what_is_no_json_object_of_this_shape_is_pointed_at(
    rest: Rest, olga: Account, body: bytes, pointer: str
) -> None:
    answer = rest.post("/runs", body, olga)

    assert (answer.status, answer.problem, answer.pointers) == (422, "validation", [pointer])
    assert answer.json["errors"][0]["in"] == "body"


@pytest.mark.parametrize("depth", [110, 900, 100_000])
def test_deep_nesting_is_refused(rest: Rest, olga: Account, depth: int) -> None:
    body = b'{"workspace": "home", "agent": "refund", "input": ' + b"[" * depth + b"]" * depth + b"}"
    answer = rest.post("/runs", body, olga)

    assert (answer.status, answer.problem) == (422, "validation")


def test_the_last_of_equal_keys_counts(rest: Rest, olga: Account, home: Workspace) -> None:
    register_refund(home.namespace)
    body = b'{"workspace": "x", "agent": "refund", "workspace": "home", "input": {"customer": "D", "amount": 1, "reason": ""}}'

    assert rest.post("/runs", body, olga).status == 201


def test_text_that_cannot_be_stored_is_shown_as_replaced(rest: Rest, olga: Account, home: Workspace) -> None:
    register_refund(home.namespace)
    body = {"workspace": "home", "agent": "refund", "input": REFUND | {"reason": "a\x00b\ud800c\u202ed"}}

    assert rest.post("/runs", body, olga).json["input"]["reason"] == "a\ufffdb\ufffdc\u202ed"
    assert Run.objects.values_list("input__reason", flat=True).get() == "a\ufffdb\ufffdc\u202ed"


def test_a_megabyte_of_text_is_taken(rest: Rest, olga: Account, home: Workspace) -> None:
    register_refund(home.namespace)
    body = {"workspace": "home", "agent": "refund", "input": REFUND | {"reason": "ж" * 500_000}}

    assert rest.post("/runs", body, olga).status == 201


def test_more_than_the_site_takes_is_too_large(rest: Rest, olga: Account, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = rest.post("/runs", b" " * 1001, olga)

    assert (answer.status, answer.problem) == (413, "too-large")


def test_what_leads_nowhere_is_a_problem_too(rest: Rest, olga: Account) -> None:
    assert rest.get("/nowhere", olga).problem == "not-found"
    assert rest.get("/runs/", olga).problem == "not-found"
    refused = rest.send("PATCH", "/runs", {}, olga)
    assert (refused.status, refused.problem) == (405, "method-not-allowed")
    assert set(refused.headers["Allow"].split(", ")) == {"GET", "POST"}
