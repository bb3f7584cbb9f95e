"""The port to who can carry out a drill: a site that starts again what dies, and names its launcher in a setting."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.utils.module_loading import import_string

from reviews.drills.models import Drill

Launch = Callable[[Drill], None]
"""Starts a process that carries the drill out, and returns at once. Raises ``OSError``."""


def launcher() -> Launch | None:
    """None where nothing can be killed, since nobody would start it again."""
    if not settings.DRILL_LAUNCHER:
        return None
    launch: Launch = import_string(settings.DRILL_LAUNCHER)
    return launch
