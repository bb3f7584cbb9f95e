"""What the frame around every page shows: workspaces, what waits, who is signed in, the chosen theme."""

from __future__ import annotations

from functools import cached_property
from typing import Any, cast

from django.http import HttpRequest

from reviews.escalations.queries import escalations_for
from reviews.pages.lists import capped_count, count_in_words
from reviews.people.models import Account
from reviews.workspaces.access import Right, Viewer
from reviews.workspaces.models import Workspace

THEMES = ("system", "light", "dark")
PLACES = {
    "inbox": "inbox",
    "question": "inbox",
    "decisions": "inbox",
    "runs": "runs",
    "new_run": "runs",
    "run": "runs",
    "chat": "runs",
    "turns": "runs",
    "chat_ending": "runs",
    "timeouts": "timeouts",
    "drills": "drills",
    "drill": "drills",
    "run_event": "runs",
    "imports": "runs",
    "files": "files",
    "file": "files",
}


def shell(request: HttpRequest) -> dict[str, Any]:
    """Cheap where it is not shown: the queries run when the template asks."""
    match = request.resolver_match
    name = (match.url_name or "") if match else ""
    theme = request.COOKIES.get("theme", "")
    return {
        "shell": Shell(request),
        "place": request.GET.get("at", "") if name == "waiting" else PLACES.get(name, ""),
        "theme": theme if theme in THEMES else "system",
        "themes": THEMES,
    }


class Shell:
    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def viewer(self) -> Viewer | None:
        account = getattr(self._request, "user", None)
        if account is None or not account.is_authenticated:
            return None
        return getattr(self._request, "viewer", None) or Viewer(cast(Account, account))

    @cached_property
    def workspaces(self) -> list[Workspace]:
        memberships = self.viewer.memberships if self.viewer else []
        return sorted({one.workspace for one in memberships}, key=lambda one: (one.name, one.id))

    @cached_property
    def waiting(self) -> str:
        """How many questions wait, for people: ``12``, ``1000+``, empty where none may be read."""
        if self.viewer is None or not self.viewer.may_anywhere(Right.ESCALATIONS_READ):
            return ""
        return count_in_words(capped_count(escalations_for(self.viewer).pending()))

    def _topics(self, topic: str) -> str:
        return " ".join(f"{topic}:{workspace.id}" for workspace in self.workspaces)

    @property
    def inboxes(self) -> str:
        """What the change log calls the inboxes of all one's workspaces."""
        return self._topics("inbox")

    @property
    def runs_topics(self) -> str:
        return self._topics("runs")

    @property
    def drills_topics(self) -> str:
        return self._topics("drills")

    @property
    def files_topics(self) -> str:
        return self._topics("files")

    @cached_property
    def may_start(self) -> bool:
        return self.viewer is not None and self.viewer.may_anywhere(Right.RUNS_START)
