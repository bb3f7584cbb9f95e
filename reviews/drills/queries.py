"""Reading drills: the access functions."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from reviews.drills.models import Drill, DrillKind
from reviews.workspaces.access import NotFound, Right, Viewer

NEEDS: dict[DrillKind, frozenset[Right]] = {
    DrillKind.WORKER: frozenset({Right.RUNS_CONTROL}),
    DrillKind.BRIDGE: frozenset({Right.RUNS_CONTROL, Right.ESCALATIONS_DECIDE}),
    DrillKind.WEB: frozenset({Right.RUNS_CONTROL, Right.ESCALATIONS_DECIDE}),
    DrillKind.TEMPORAL: frozenset({Right.RUNS_CONTROL, Right.ESCALATIONS_DECIDE}),
}
"""All but the first answer a question, in the name of who started them."""


def drill_for(viewer: Viewer, drill_id: uuid.UUID) -> Drill:
    """The one way to a drill. Raises :class:`NotFound` (also for foreign ones) and :class:`Forbidden`."""
    drill = Drill.objects.select_related("workspace", "run", "by").filter(id=drill_id).first()
    if drill is None:
        raise NotFound
    viewer.require(Right.RUNS_READ, drill.workspace_id)
    return drill


def drills_for(viewer: Viewer) -> QuerySet[Drill]:
    """All that the viewer may read. Raises :class:`Forbidden` where the right is missing everywhere."""
    viewer.require_anywhere(Right.RUNS_READ)
    drills = Drill.objects.filter(workspace_id__in=viewer.workspaces(Right.RUNS_READ))
    return drills.select_related("workspace", "run", "by").order_by("-started_at", "-id")
