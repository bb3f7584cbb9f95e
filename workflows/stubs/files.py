"""What agents keep in their workspace."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from workflows.contracts import FOR_EVER_RETRY, Activity


@dataclass
class Report:
    """Markdown, to be stored at ``path`` in the run's workspace."""

    path: str
    markdown: str


@dataclass
class StoredFile:
    version_id: str
    path: str
    version: int
    size: int


store_report: Activity[Report, StoredFile] = Activity(
    "store_report", StoredFile, timedelta(seconds=30), FOR_EVER_RETRY
)
