"""Generated requests, good and bad, against the whole stack: no answer is outside the document."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, settings
from schemathesis.checks import CheckFunction, not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from reviews.artifacts.actions import write_version
from tests.contract.files import OPENAPI
from tests.support.fake_engine import FakeEngine
from tests.support.people import People, approve, ask_refund, start_refund

EXAMPLES = 6
CHECKS: list[CheckFunction] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]

generation = GenerationConfig(max_examples=EXAMPLES, deterministic=True, database="none")
config = SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))
schema = schemathesis.openapi.from_path(OPENAPI, config=config)
schema.app = get_wsgi_application()


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Django ends a request's connection, and the test's transaction with it; its own test client prevents that too."""
    signals = (request_started, request_finished)
    for signal in signals:
        signal.disconnect(close_old_connections)
    yield
    for signal in signals:
        signal.connect(close_old_connections)


@pytest.fixture
def known(db: None, one_connection: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Ids and names that lead somewhere, by the name of the parameter or field, and Alice's token."""
    fake_engine = FakeEngine()
    monkeypatch.setattr("reviews.runs.present.engine", lambda: fake_engine)
    people = People()
    run = start_refund(people.home, people.alice)
    version = write_version(people.home, "report.md", b"#", media_type="text/markdown", run=run)
    question = ask_refund(run, "open")
    return {
        "run_id": run.id,
        "run": run.workflow_id,
        "escalation_id": question.id,
        "digest": question.digest,
        "verdict": "approve",
        "decision_id": approve(ask_refund(run, "decided"), people.alice).id,
        "file_id": version.id,
        "workspace": people.home.slug,
        "agent": run.agent,
        "token": people.bearer(people.alice),
    }


# The things are the same for each request on purpose: what a request does is rolled back.
@schema.parametrize()
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_answer_is_outside_the_document(case: schemathesis.Case[Any], known: dict[str, Any]) -> None:
    _lead_somewhere(case, known)
    with transaction.atomic():
        case.call_and_validate(headers={"Authorization": known["token"]}, checks=CHECKS)
        transaction.set_rollback(True)


def _lead_somewhere(case: schemathesis.Case[Any], known: dict[str, Any]) -> None:
    """What is well-formed is made to name a thing that exists, or nearly every answer would be 404."""
    for name, value in (case.path_parameters or {}).items():
        if _is_uuid(value):
            case.path_parameters[name] = str(known[name])
    if isinstance(case.body, dict):
        for name in case.body.keys() & known.keys():
            case.body[name] = known[name] if isinstance(case.body[name], str) else case.body[name]


def _is_uuid(value: Any) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return True
