"""Writing files: every write is a new version, stored once, visible when whole."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import NoReturn

import pytest
from django.db import OperationalError, connection
from pytest_django.fixtures import Settings

from reviews.artifacts import queries
from reviews.artifacts.actions import InvalidPath, write_version
from reviews.artifacts.models import Artifact, Blob, Version
from reviews.audit import actions as audit
from reviews.audit.models import AuditEvent
from reviews.changes.models import Change
from reviews.people.models import Account
from reviews.runs.models import Run
from reviews.workspaces.models import Workspace


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    """Where this test's files are stored."""
    backend = "django.core.files.storage.FileSystemStorage"
    settings.STORAGES = settings.STORAGES | {
        "default": {"BACKEND": backend, "OPTIONS": {"location": tmp_path}}
    }
    return tmp_path


def _write(
    workspace: Workspace, path: str = "report.md", content: bytes = b"# Report", **fields: object
) -> Version:
    return write_version(workspace, path, content, media_type="text/markdown", **fields)  # type: ignore[arg-type]


def _stored(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_each_write_is_a_version_of_its_own(home: Workspace) -> None:
    first, second = _write(home, content=b"1"), _write(home, content=b"2")

    assert first.artifact == second.artifact
    assert (first.number, second.number) == (1, 2)
    assert [b"".join(queries.content(version)) for version in (first, second)] == [b"1", b"2"]


def test_a_write_is_audited_and_told(home: Workspace, run: Run, olga: Account) -> None:
    version = _write(home, by=olga, run=run)

    event = AuditEvent.objects.get(verb="file.written")
    sha256 = hashlib.sha256(b"# Report").hexdigest()
    assert (event.actor, event.object_id) == (olga, str(version.artifact_id))
    assert event.details == {"path": "report.md", "version": 1, "sha256": sha256}
    assert Change.objects.filter(topic="files", object_id=str(home.id)).count() == 1


def test_equal_bytes_are_stored_once_a_workspace(home: Workspace, abroad: Workspace, folder: Path) -> None:
    same = [_write(home, "a"), _write(home, "b"), _write(home, "a")]
    elsewhere = _write(abroad, "a")

    assert len({version.blob_id for version in same}) == 1
    assert elsewhere.blob_id != same[0].blob_id
    assert len(_stored(folder)) == Blob.objects.count() == 2


def test_the_same_write_again_gives_the_same_version(home: Workspace) -> None:
    first = _write(home, content=b"1", write_key="activity-1")
    again = _write(home, content=b"2", write_key="activity-1")

    assert again == first
    assert Version.objects.count() == AuditEvent.objects.filter(verb="file.written").count() == 1


def test_a_key_may_be_longer_than_its_column(home: Workspace) -> None:
    """A workflow's id is part of an activity's key, and has up to a thousand characters."""
    first, again, other = (_write(home, write_key="k" * 1000 + end) for end in ("1", "1", "2"))

    assert (again, other.number) == (first, 2)


def test_bytes_of_a_write_that_fails_again_and_again_are_stored_once(
    home: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **options: object) -> NoReturn:
        raise OperationalError("the database went away")

    monkeypatch.setattr(audit, "part", fail)
    for _ in range(3):
        with pytest.raises(OperationalError):
            _write(home)

    assert not Version.objects.exists()
    assert len(_stored(folder)) == Blob.objects.count() == 1


@pytest.mark.parametrize(
    "path",
    ["", " ", "/", "/etc/passwd", "a/", "a//b", ".", "..", "a/../b", "./a", "a\\b", "..\\a", "x" * 901],
)
def test_a_path_that_leads_elsewhere_is_refused(home: Workspace, folder: Path, path: str) -> None:
    with pytest.raises(InvalidPath):
        _write(home, path)
    assert not Artifact.objects.exists()
    assert not _stored(folder)


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "жабы/ё.md", "...", ".hidden", "a b", "x" * 900])
def test_any_other_name_will_do(home: Workspace, path: str) -> None:
    assert _write(home, path).artifact.path == path


def test_an_unstorable_path_is_replaced(home: Workspace) -> None:
    assert _write(home, "a\x00b").artifact.path == "a\ufffdb"


@pytest.mark.parametrize("media_type", ["text/html\r\nX: y", "nonsense", "", "text/" + "x y"])
def test_a_media_type_that_is_none_becomes_bytes(home: Workspace, media_type: str) -> None:
    assert write_version(home, "a", b"", media_type=media_type).media_type == "application/octet-stream"


def test_an_empty_file_is_a_file(home: Workspace) -> None:
    version = _write(home, content=b"")

    assert (version.blob.size, b"".join(queries.content(version)), queries.text(version)) == (0, b"", "")


def test_text_is_shown_up_to_a_limit_and_bytes_are_not_text(home: Workspace) -> None:
    assert queries.text(_write(home, content="ж".encode() * 10), limit=5) == "жж"
    assert queries.text(_write(home, content=b"\xff\xfe")) is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("write_key", [None, "the-one-write"])
def test_writers_at_once_get_numbers_without_gap_or_one_version(
    home: Workspace, write_key: str | None
) -> None:
    start, faults = threading.Barrier(6), []

    def write(number: int) -> None:
        start.wait()
        try:
            _write(home, content=b"%d" % (number % 2), write_key=write_key)
        except Exception as error:  # noqa: BLE001 (a thread that fails says nothing)
            faults.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    expected = [1] if write_key else [1, 2, 3, 4, 5, 6]
    assert sorted(Version.objects.values_list("number", flat=True)) == expected
