"""The bridge is told which open runs somebody looks at."""

from __future__ import annotations

import uuid

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reviews.connections import direct_address
from reviews.runs import watching
from reviews.runs.models import Run, RunStatus
from tests.support.people import People, start_refund
from tests.support.rest import Rest


@pytest.mark.django_db(transaction=True)
def test_who_listens_hears_each_run_once_in_a_while() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    with psycopg.connect(direct_address("test"), autocommit=True) as listener:
        listener.execute(f"LISTEN {watching.CHANNEL}")
        watching.watch([one])
        watching.watch([one, other])
        watching.watch([one, other])
        heard = [uuid.UUID(notice.payload) for notice in listener.notifies(timeout=1)]
    assert heard == [one, other]


@pytest.mark.parametrize("what", ["", "/steps", "/events", "/history"])
def test_who_reads_an_open_run_by_rest_looks_at_it(
    people: People, rest: Rest, said: list[uuid.UUID], what: str
) -> None:
    run = start_refund(people.home, people.olga)
    assert rest.get(f"/runs/{run.id}{what}", people.olga).status == 200
    assert said == [run.id]


def test_who_may_not_read_it_and_who_reads_what_has_ended_do_not(
    people: People, rest: Rest, said: list[uuid.UUID]
) -> None:
    run = start_refund(people.home, people.olga)
    assert rest.get(f"/runs/{run.id}", people.charlie).status == 404
    Run.objects.filter(id=run.id).update(status=RunStatus.COMPLETED)
    assert rest.get(f"/runs/{run.id}", people.olga).status == 200
    assert said == []


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[uuid.UUID]:
    said: list[uuid.UUID] = []
    monkeypatch.setattr(watching, "watch", said.extend)
    return said


@pytest.mark.django_db
def test_what_a_process_remembers_of_it_is_bounded() -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        for _ in range(3):
            watching.watch(uuid.uuid4() for _ in range(watching.MOST // 2))
    assert len(asked) == 3
    assert len(watching._said) <= watching.MOST
