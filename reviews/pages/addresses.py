"""The page of each object, as a path."""

from __future__ import annotations

import uuid

from django.urls import reverse

from reviews.artifacts.models import Version
from reviews.escalations.models import Escalation
from reviews.runs.models import Run


def of_run(run: Run) -> str:
    return reverse("run", args=[run.id])


def of_chat(run: Run) -> str:
    """Where people speak with it."""
    return reverse("chat", args=[run.id])


def of_escalation(escalation: Escalation) -> str:
    return of_question(escalation.id)


def of_question(escalation_id: uuid.UUID) -> str:
    return reverse("question", args=[escalation_id])


def of_version(version: Version) -> str:
    return reverse("file", args=[version.id])
