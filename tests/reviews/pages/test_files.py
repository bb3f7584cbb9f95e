"""Files: hostile until proven otherwise."""

from __future__ import annotations

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from reviews.artifacts.actions import write_version
from reviews.workspaces.models import Workspace

HOSTILE = b"""# Report <script>alert(1)</script>

<img src=x onerror=alert(1)> ![tracker](https://evil.example/pixel.png)

[bad](javascript:alert(1)) [good](https://example.org) \xe2\x80\xae reversed

| a | b |
|---|---|
| 1 | 2 |
"""


def test_the_list_shows_the_current_version_of_each_file(as_victor: Client, home: Workspace) -> None:
    for content in (b"one", b"two"):
        write_version(home, "out/report.md", content, media_type="text/markdown")
    versions = as_victor.get("/files/").context["versions"]
    assert [(version.artifact.path, version.number) for version in versions] == [("out/report.md", 2)]


@pytest.mark.parametrize(
    ("folder", "found"), [("out", 1), ("ou", 0), ("/out/", 1), ("other", 0), ("\x00", 0)]
)
def test_a_folder_narrows_the_list(as_victor: Client, home: Workspace, folder: str, found: int) -> None:
    write_version(home, "out/report.md", b"x", media_type="text/markdown")
    assert len(as_victor.get("/files/", {"folder": folder}).context["versions"]) == found


def test_markdown_is_shown_and_cannot_act(as_victor: Client, home: Workspace) -> None:
    version = write_version(home, "report.md", HOSTILE, media_type="text/markdown; charset=utf-8")
    shown = as_victor.get(reverse("file", args=[version.id])).content.decode()
    body = shown[shown.index("prose") : shown.index("versions")]
    assert "<td>1</td>" in body
    assert '<a href="https://example.org" rel="noopener nofollow noreferrer">good</a>' in body
    for danger in ("<script", "<img", 'javascript:alert(1)"', "\u202e"):
        assert danger not in body
    assert "U+202E" in body


def test_other_text_is_escaped(as_victor: Client, home: Workspace) -> None:
    version = write_version(home, "page.html", b"<script>alert(1)</script>", media_type="text/html")
    shown = as_victor.get(reverse("file", args=[version.id])).content
    assert b"&lt;script&gt;alert(1)" in shown
    assert b"<script>alert" not in shown


def test_what_is_no_text_is_to_be_downloaded(as_victor: Client, home: Workspace) -> None:
    version = write_version(home, "a.bin", b"\xff\x00\xfe", media_type="application/octet-stream")
    assert b"This is not shown here" in as_victor.get(reverse("file", args=[version.id])).content


def test_content_comes_in_a_sandbox(as_victor: Client, home: Workspace) -> None:
    version = write_version(home, 'odd "name".html', HOSTILE, media_type="text/html")
    answer = as_victor.get(reverse("file_content", args=[version.id]))
    assert b"".join(answer.streaming_content) == HOSTILE  # type: ignore[arg-type]
    assert answer["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"].startswith("attachment;")


def test_an_older_version_says_so(as_victor: Client, home: Workspace) -> None:
    old = write_version(home, "report.md", b"one", media_type="text/markdown")
    new = write_version(home, "report.md", b"two", media_type="text/markdown")
    shown = as_victor.get(reverse("file", args=[old.id])).content.decode()
    assert "This is an older version" in shown
    assert reverse("file", args=[new.id]) in shown


def test_the_empty_list_says_where_files_come_from(as_olga: Client) -> None:
    assert b"Start a research run" in as_olga.get("/files/").content


@pytest.mark.parametrize("name", ["file", "file_content"])
def test_bytes_that_are_gone_are_said_so(as_victor: Client, home: Workspace, name: str) -> None:
    version = write_version(home, "gone.md", b"gone but once here", media_type="text/markdown")
    default_storage.delete(version.blob.storage_name)
    answer = as_victor.get(reverse(name, args=[version.id]))
    assert (answer.status_code, answer.streaming) == (503, False)
    assert "The bytes of this file cannot be read now." in answer.text


@pytest.mark.parametrize("name", ["file", "file_content"])
def test_outsiders_find_nothing(as_charlie: Client, home: Workspace, name: str) -> None:
    version = write_version(home, "report.md", b"x", media_type="text/markdown")
    assert as_charlie.get(reverse(name, args=[version.id])).status_code == 404
