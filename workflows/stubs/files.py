"""What agents keep in their workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from workflows.contracts import FOR_EVER_RETRY, Activity

LARGEST_READ = 256 * 1024


@dataclass
class Report:
    """Markdown, to be stored at ``path`` in the run's workspace."""

    path: str
    markdown: str


@dataclass
class NewFile:
    """Text, to be stored at ``path`` in the run's workspace. A path that is there already gets a new version."""

    path: str
    text: str
    media_type: str = "application/json"


@dataclass
class StoredFile:
    """The claim of a file: it travels through Temporal in place of the content."""

    version_id: str
    path: str
    version: int
    size: int


store_report: Activity[Report, StoredFile] = Activity(
    "store_report", StoredFile, timedelta(seconds=30), FOR_EVER_RETRY
)
store_file: Activity[NewFile, StoredFile] = Activity(
    "store_file", StoredFile, timedelta(seconds=30), FOR_EVER_RETRY
)
read_file: Activity[StoredFile, str] = Activity("read_file", str, timedelta(seconds=30), FOR_EVER_RETRY)
"""The text of a version of the run's own workspace, of at most ``LARGEST_READ`` bytes: it stays in the history."""
