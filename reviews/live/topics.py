"""What can be listened to, and who may: the rights of the pages that show it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection

from reviews.conversations.models import Conversation
from reviews.drills.queries import drills_for
from reviews.escalations.models import Decision
from reviews.escalations.queries import escalations_for
from reviews.runs.queries import runs_for
from reviews.workspaces.access import Forbidden, Right, Viewer

AT_MOST = 200
"""Subjects of one page."""

FEW = 5
"""Runs that a page shows one by one; where there are more it is a list."""

Filter = Callable[[Viewer, Collection[uuid.UUID]], set[uuid.UUID]]


def _workspaces_with(right: Right) -> Filter:
    return lambda viewer, ids: {id for id in ids if viewer.may(right, id)}


def _runs(viewer: Viewer, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(runs_for(viewer).filter(id__in=ids).values_list("id", flat=True))


def _escalations(viewer: Viewer, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(escalations_for(viewer).filter(id__in=ids).values_list("id", flat=True))


def _drills(viewer: Viewer, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    return set(drills_for(viewer).filter(id__in=ids).values_list("id", flat=True))


def _conversations(viewer: Viewer, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    workspaces = viewer.workspaces(Right.RUNS_READ)
    found = Conversation.objects.filter(id__in=ids, workspace__in=workspaces)
    return set(found.values_list("id", flat=True))


def _messages(viewer: Viewer, ids: Collection[uuid.UUID]) -> set[uuid.UUID]:
    """What was sent to Temporal, by what it is about: a run, or a decision."""
    decisions = Decision.objects.filter(id__in=ids, escalation__in=escalations_for(viewer).values("id"))
    return _runs(viewer, ids) | set(decisions.values_list("id", flat=True))


TOPICS: dict[str, Filter] = {
    "inbox": _workspaces_with(Right.ESCALATIONS_READ),
    "runs": _workspaces_with(Right.RUNS_READ),
    "files": _workspaces_with(Right.FILES_READ),
    "drills": _workspaces_with(Right.RUNS_READ),
    "workspace": lambda viewer, ids: {id for id in ids if id in viewer.rights},
    "run": _runs,
    "escalation": _escalations,
    "conversation": _conversations,
    "message": _messages,
    "drill": _drills,
}
"""Each subject is ``topic:id``; for the first five the id is a workspace's."""


def allowed(viewer: Viewer, subjects: Collection[str]) -> set[str]:
    """Those of ``subjects`` that ``viewer`` may know of. What cannot be read, or is none, is left out."""
    asked: dict[str, set[uuid.UUID]] = {}
    for subject in subjects:
        topic, _, id = subject.partition(":")
        if topic in TOPICS and (found := uuid_of(id)) is not None:
            asked.setdefault(topic, set()).add(found)
    return {f"{topic}:{id}" for topic, ids in asked.items() for id in _readable(viewer, topic, ids)}


def _readable(viewer: Viewer, topic: str, ids: set[uuid.UUID]) -> set[uuid.UUID]:
    try:
        return TOPICS[topic](viewer, ids)
    except Forbidden:
        return set()


def few_runs(subjects: Collection[str]) -> list[uuid.UUID]:
    """The runs that somebody looks at who listens to ``subjects``."""
    runs = [uuid.UUID(subject.removeprefix("run:")) for subject in subjects if subject.startswith("run:")]
    return runs if len(runs) <= FEW else []


def uuid_of(text: str) -> uuid.UUID | None:
    """None for what is not a UUID as we write it."""
    try:
        found = uuid.UUID(text)
    except ValueError:
        return None
    return found if str(found) == text else None
