"""What goes wrong on our side is a problem too, and tells a client nothing but its name."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection

from reviews.people.models import Account
from reviews.runs.models import Run
from tests.support.rest import Rest


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("place", ["token", "run"])
def test_without_its_database_the_interface_says_when_to_come_back(
    rest: Rest, run: Run, victor: Account, error: type[Exception], place: str
) -> None:
    """``place`` is the table that is asked when the database goes."""

    def go(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if f'FROM "reviews_{place}"' in sql:
            raise error("the server at 10.0.0.7 is away")
        return execute(sql, params, many, context)

    assert rest.get(f"/runs/{run.id}", victor).status == 200
    with connection.execute_wrapper(go):
        answer = rest.get(f"/runs/{run.id}", victor)

    assert (answer.status, answer.problem) == (503, "database-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert b"10.0.0.7" not in answer.content


def test_a_defect_is_logged_whole_and_told_to_nobody(
    rest: Rest, run: Run, victor: Account, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> None:
        raise ValueError("secret")

    monkeypatch.setattr("reviews.api.runs.watched_run", fail)
    rest.client.raise_request_exception = False
    answer = rest.get(f"/runs/{run.id}", victor)

    assert (answer.status, answer.problem) == (500, "internal")
    assert b"secret" not in answer.content
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage() == f"Internal Server Error: /api/v1/runs/{run.id}"
    assert "ValueError: secret" in caplog.text and "Traceback" in caplog.text
