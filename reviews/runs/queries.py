"""Reading runs: the access functions, and what pages and REST share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db import connection
from django.db.models import Exists, Func, IntegerField, OuterRef, Q, UUIDField
from django.db.models.expressions import RawSQL

from reviews.runs.engine import engine
from reviews.runs.models import (
    OPEN_STATUSES,
    AgentType,
    HistoryChunk,
    MirroredNamespace,
    Run,
    RunQuerySet,
)
from reviews.runs.now import ResetPoint
from reviews.runs.unregistered import says_unregistered
from reviews.workspaces.access import NotFound, Right, Viewer
from reviews.workspaces.models import Workspace

HIGHEST = 10
"""Generations of runs that are looked up."""


def run_for(viewer: Viewer, run_id: uuid.UUID, right: Right = Right.RUNS_READ) -> Run:
    """The one way to a run. Raises :class:`NotFound` (also for foreign ones) and :class:`Forbidden`."""
    run = Run.objects.select_related("workspace", "started_by").filter(id=run_id).first()
    if run is None:
        raise NotFound
    viewer.require(right, run.workspace_id)
    return run


def runs_for(viewer: Viewer) -> RunQuerySet:
    """All runs that the viewer may read. Raises :class:`Forbidden` where the right is missing everywhere."""
    viewer.require_anywhere(Right.RUNS_READ)
    return Run.objects.filter(workspace_id__in=viewer.workspaces(Right.RUNS_READ))


def mirror_troubles_for(viewer: Viewer) -> list[str]:
    """Why namespaces of the viewer's workspaces are not mirrored now, in words for people."""
    workspaces = Workspace.objects.filter(id__in=viewer.workspaces(Right.RUNS_READ))
    troubled = MirroredNamespace.objects.exclude(trouble="").filter(
        namespace__in=workspaces.values("namespace")
    )
    return list(troubled.order_by("namespace").values_list("trouble", flat=True))


def agent_types_for(viewer: Viewer, workspace: Workspace | None = None) -> list[AgentType]:
    """What the viewer could start, by name; those of one workspace's namespace where it is given."""
    viewer.require_anywhere(Right.AGENTS_READ)
    workspaces = Workspace.objects.filter(id__in=viewer.workspaces(Right.AGENTS_READ))
    if workspace is not None:
        workspaces = workspaces.filter(id=workspace.id)
    return list(AgentType.objects.filter(namespace__in=workspaces.values("namespace")).order_by("name"))


def names_in(workspaces: Sequence[uuid.UUID]) -> dict[str, list[str]]:
    """``agents`` and ``types`` of the runs in these workspaces, by name; nobody may have registered them.

    PostgreSQL's DISTINCT reads a whole index; this steps from one name to the next.
    """
    found: dict[str, list[str]] = {}
    with connection.cursor() as cursor:
        for key, column in {"agents": "agent", "types": "workflow_type"}.items():
            cursor.execute(_NEXT_NAMES.format(column=column), [list(workspaces)])
            found[key] = [name for (name,) in cursor.fetchall()]
    return found


_NEXT_NAMES = """
    WITH RECURSIVE named (workspace, name) AS (
        SELECT workspace, (SELECT min({column}) FROM reviews_run WHERE workspace_id = workspace)
        FROM unnest(%s::uuid[]) AS workspace
        UNION ALL
        SELECT workspace, (
            SELECT min({column}) FROM reviews_run WHERE workspace_id = workspace AND {column} > name
        ) FROM named WHERE name IS NOT NULL
    )
    SELECT DISTINCT name FROM named WHERE name <> '' ORDER BY name
"""


def ancestors(run: Run) -> list[uuid.UUID]:
    """The run that started it, the one that started that, and so on."""
    if run.parent_id is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_ABOVE, [run.parent_id, HIGHEST])
        return list(dict.fromkeys(id for (id,) in cursor.fetchall()))


_ABOVE = """
    WITH RECURSIVE above AS (
        SELECT %s::uuid AS id, 1 AS height
        UNION ALL
        SELECT run.parent_id, height + 1
        FROM above JOIN reviews_run run ON run.id = above.id
        WHERE run.parent_id IS NOT NULL AND height < %s
    )
    SELECT id FROM above ORDER BY height
"""


def waiting_below(run: Run, workspaces: Sequence[uuid.UUID]) -> RawSQL:
    """The chains of what the run started, and of what that started, as far as it is open, in these workspaces, and
    waits for a person."""
    params = [run.id, HIGHEST, list(workspaces), list(OPEN_STATUSES)]
    output = ArrayField(UUIDField())
    return RawSQL(_WAITING_BELOW, params, output_field=output)  # noqa: S611 (nobody's text is in it)


_WAITING_BELOW = """
    WITH RECURSIVE below AS (
        SELECT %s::uuid AS id, NULL::uuid AS chain, false AS waits, 0 AS depth
        UNION ALL
        SELECT child.id, child.chain, child.waiting_for_human, depth + 1
        FROM below JOIN reviews_run child ON child.parent_id = below.id
        WHERE depth < %s AND child.workspace_id = ANY(%s) AND child.status = ANY(%s)
    )
    SELECT array_agg(DISTINCT chain) FILTER (WHERE waits) FROM below
"""


def with_children(runs: RunQuerySet, workspaces: Sequence[uuid.UUID], *, most: int) -> RunQuerySet:
    """Each run with ``child_count``, of those in these workspaces; ``most`` + 1 stands for more than ``most``.

    ``child_waits`` says whether one of them waits for a person.
    """
    children = Run.objects.filter(parent=OuterRef("id"), workspace__in=workspaces).order_by()
    counted = Func(
        ArraySubquery(children.values("id")[: most + 1]), function="cardinality", output_field=IntegerField()
    )
    return runs.annotate(child_count=counted, child_waits=Exists(children.filter(waiting_for_human=True)))


def chain_of(run: Run) -> list[Run]:
    """All executions of the run's chain, oldest first."""
    return list(Run.objects.filter(chain=run.chain).order_by("created_at", "id"))


def reset_points(run: Run, *, limit: int) -> list[ResetPoint]:
    """Where the run can be reset to, newest first, as far as its history is mirrored; the first is always there."""
    newest = HistoryChunk.objects.filter(run=run).order_by("-first_event").iterator(chunk_size=4)
    points = list(islice(engine().reset_points(bytes(chunk.data) for chunk in newest), limit))
    if len(points) == limit:
        first = first_reset_point(run)
        points += [first] if first and first.event_id < points[-1].event_id else []
    return points


def first_reset_point(run: Run) -> ResetPoint | None:
    """The end of the first workflow task: a reset to it lets the workflow do everything again."""
    for chunk in HistoryChunk.objects.filter(run=run).order_by("first_event").iterator(chunk_size=4):
        if points := list(engine().reset_points([bytes(chunk.data)])):
            return points[-1]
    return None


def is_reset_point(run: Run, event_id: int) -> bool:
    chunks = HistoryChunk.objects.filter(run=run, first_event__lte=event_id, last_event__gte=event_id)
    points = engine().reset_points(bytes(chunk.data) for chunk in chunks)
    return any(point.event_id == event_id for point in points)


def task_failure(run: Run) -> dict[str, Any] | None:
    """Why the workflow's code failed last: ``{cause, message, unknown}``, ``unknown`` where no worker knows its type.

    Temporal keeps the first failure of a row of them.
    """
    chunk = HistoryChunk.objects.filter(run=run).order_by("-first_event").first()
    newest = reversed(list(engine().events(bytes(chunk.data)))) if chunk else iter(())
    for event in newest:
        if event["type"] in ("WorkflowTaskFailed", "WorkflowTaskTimedOut"):
            said = event["attributes"]
            message = said.get("failure", {}).get("message", "")
            return {
                "cause": str(said.get("cause", "")).removeprefix("WORKFLOW_TASK_FAILED_CAUSE_"),
                "message": message,
                "unknown": says_unregistered(message),
            }
    return None


def events(run: Run, *, after: int = 0, limit: int = 500) -> Iterator[dict[str, Any]]:
    """Events with an id greater than ``after``, ascending: only the chunks needed are read and decoded."""
    left = limit
    chunks = HistoryChunk.objects.filter(Q(last_event__gt=after), run=run).order_by("first_event")
    for chunk in chunks.iterator(chunk_size=4):
        for event in engine().events(bytes(chunk.data)):
            if event["id"] <= after:
                continue
            if left == 0:
                return
            left -= 1
            yield event
