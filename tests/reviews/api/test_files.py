"""GET /files: versions and their bytes."""

from __future__ import annotations

import hashlib
import uuid
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.files.storage import default_storage
from django.test import AsyncClient
from pytest_django.fixtures import Settings

from reviews.artifacts.actions import write_version
from reviews.artifacts.models import Version
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace
from tests.support.people import People
from tests.support.rest import Rest


@pytest.fixture(autouse=True)
def files_in_a_folder_of_the_test(settings: Settings, tmp_path: Path) -> None:
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": backend, "OPTIONS": {"location": tmp_path}}
    }


@pytest.fixture
def report(run: Run, olga: Account) -> Version:
    return write_version(
        run.workspace, "reports/june.html", b"<script>", media_type="text/html", by=olga, run=run
    )


def test_a_version_is_described(rest: Rest, run: Run, report: Version, victor: Account) -> None:
    file = rest.get(f"/files/{report.id}", victor).json

    assert (file["path"], file["name"], file["version"], file["size"]) == (
        "reports/june.html",
        "june.html",
        1,
        8,
    )
    assert file["sha256"] == hashlib.sha256(b"<script>").hexdigest()
    assert (file["run"], file["written_by"]["name"]) == (str(run.id), "Olga")


def test_content_comes_as_a_sandboxed_download(rest: Rest, report: Version, victor: Account) -> None:
    answer = rest.get(f"/files/{report.id}/content", victor)

    assert (answer.status, answer.content) == (200, b"<script>")
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="june.html"'
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Length"] == "8"


@pytest.mark.parametrize("name", ['a"b', "line\nbreak: x", "\u202egnp.exe", "жабы.txt", "x" * 300])
def test_a_hostile_name_breaks_no_header(rest: Rest, home: Workspace, victor: Account, name: str) -> None:
    version = write_version(home, name, b"x", media_type="text/plain")
    answer = rest.get(f"/files/{version.id}/content", victor)

    assert answer.status == 200
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Content-Disposition"].isprintable()
    assert "%E2%80%AE" not in answer.headers["Content-Disposition"]


def test_a_path_names_a_file_or_a_folder(
    rest: Rest, home: Workspace, report: Version, victor: Account
) -> None:
    again = write_version(home, "reports/june.html", b"2", media_type="text/html")
    write_version(home, "reports.html", b"3", media_type="text/html")

    def found(path: str) -> list[str]:
        return [item["id"] for item in rest.get(f"/files?workspace=home&path={path}", victor).json["items"]]

    assert found("reports/june.html") == found("reports/") == [str(again.id), str(report.id)]
    assert found("reports") == found("june.html") == []
    assert len(found("")) == 3


def test_a_file_abroad_is_not_there(rest: Rest, report: Version, charlie: Account, victor: Account) -> None:
    for path in (f"/files/{report.id}", f"/files/{report.id}/content"):
        assert rest.get(path, charlie).problem == "not-found"
        assert rest.get(path).problem == "unauthorized"
    assert rest.get(f"/files/{uuid.uuid4()}", victor).problem == "not-found"
    assert rest.get("/files/june.html/content", victor).problem == "not-found"


def test_a_file_whose_bytes_are_gone_is_a_problem(rest: Rest, report: Version, victor: Account) -> None:
    default_storage.delete(report.blob.storage_name)
    answer = rest.get(f"/files/{report.id}/content", victor)

    assert (answer.status, answer.problem) == (503, "file-unavailable")
    assert rest.get(f"/files/{report.id}", victor).status == 200


def test_an_empty_file_is_a_file(rest: Rest, home: Workspace, victor: Account) -> None:
    version = write_version(home, "empty", b"", media_type="text/plain")
    answer = rest.get(f"/files/{version.id}/content", victor)

    assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


def test_a_large_file_is_sent_in_pieces(home: Workspace, people: People) -> None:
    content = bytes(range(256)) * 4096
    version = write_version(home, "large", content, media_type="text/plain")

    async def pieces() -> list[bytes]:
        response = await AsyncClient().get(
            f"/api/v1/files/{version.id}/content", headers={"Authorization": bearer}
        )
        return [piece async for piece in response.streaming_content]  # type: ignore[attr-defined]

    bearer = people.bearer(people.alice)
    received = async_to_sync(pieces)()
    assert b"".join(received) == content
    assert len(received) == 4
