"""`manage.py up` on servers of somebody else: a database and a Temporal that are there already."""

import os
from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest

from tests.faults.reviewer import Reviewer
from tests.support.site import Site

DATABASE = f"agentsite_elsewhere_{os.getpid()}"


@pytest.fixture
def database() -> Iterator[str]:
    """The address of an empty database."""
    server = os.environ["DATABASE_URL"].rpartition("/")[0]
    with closing(psycopg.connect(f"{server}/postgres", autocommit=True)) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
        yield f"{server}/{DATABASE}"
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@pytest.fixture
def elsewhere(database: str, temporal_server: str) -> Iterator[Site]:
    site = Site(DATABASE_URL=database, TEMPORAL_ADDRESS=temporal_server)
    try:
        site.start()
        yield site
    finally:
        site.close()


def test_it_starts_none_of_its_own_and_a_refund_is_paid(elsewhere: Site, temporal_server: str) -> None:
    assert set(elsewhere.children()) == {"web", "bridge", "worker", "demo"}
    assert elsewhere.temporal == temporal_server
    assert elsewhere.endpoints["temporal_ui"] is None
    with Reviewer(elsewhere.web, elsewhere.token("owner")) as owner:
        run = owner.refund("Elsewhere", 5)
        question = owner.question(run)
        decided = owner.answer(question).json()
        assert owner.delivered(decided)["delivery"]["state"] == "acted_on"
        assert owner.closed(run)["status"] == "completed"
    assert elsewhere.manage("doctor").startswith("ok    disk")
    elsewhere.stop()
    elsewhere.start()  # all of it is there already
