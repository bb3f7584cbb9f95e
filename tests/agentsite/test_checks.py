"""`manage.py doctor` says what is wrong and what to do about it."""

import http.server
import threading
from collections.abc import Iterator

import pytest
from django.core.management import call_command

from agentsite import checks
from agentsite.checks import Unwell


@pytest.fixture
def endpoint() -> Iterator[http.server.HTTPServer]:
    """A model endpoint that answers with the status in `server.status`."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("status", "fault"),
    [(200, None), (404, None), (401, "refuses the key"), (403, "refuses the key"), (503, "out of order")],
)
def test_the_model_endpoint(
    endpoint: http.server.HTTPServer, status: int, fault: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoint.status = status  # type: ignore[attr-defined]
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{endpoint.server_port}/v1")
    if fault is None:
        assert "answers" in checks.model()
    else:
        with pytest.raises(Unwell, match=fault):
            checks.model()


def test_a_model_endpoint_that_is_not_there(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port}/v1")
    with pytest.raises(Unwell, match="does not answer"):
        checks.model()


@pytest.mark.django_db
def test_the_database_with_every_migration() -> None:
    assert checks.database().startswith("PostgreSQL 18")


def test_temporal_and_a_namespace_that_it_lacks(
    temporal_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", temporal_server)
    assert "namespace default" in checks.temporal()
    with pytest.raises(Unwell, match=r"nobody polls the queue .*; start `manage.py worker`"):
        checks.workers()
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "elsewhere")
    with pytest.raises(Unwell, match="has no namespace elsewhere"):
        checks.temporal()


def test_temporal_that_is_not_there(free_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "PATIENCE", 0.5)
    monkeypatch.setenv("TEMPORAL_ADDRESS", f"127.0.0.1:{free_port}")
    with pytest.raises(Unwell, match="cannot be reached"):
        checks.temporal()


def test_storage_and_disk() -> None:
    assert checks.storage() == "files can be written"
    assert checks.disk().endswith("GB are free")


def test_too_little_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LEAST_DISK", 10**18)
    with pytest.raises(Unwell, match="make room"):
        checks.disk()


@pytest.mark.parametrize("ill", [False, True])
def test_every_check_is_reported_and_one_failure_is_the_exit_code(
    ill: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unforeseen() -> str:
        raise KeyError("unforeseen")

    monkeypatch.setattr(
        "agentsite.management.commands.doctor.CHECKS",
        {"first": unforeseen if ill else checks.disk, "second": checks.disk},
    )
    with pytest.raises(SystemExit) as exit_:
        call_command("doctor")
    assert exit_.value.code == (1 if ill else 0)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("fail  first" if ill else "ok    first")
    assert second.startswith("ok    second")
