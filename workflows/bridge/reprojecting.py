"""Steps and facts of a run once more, out of its archive: for when the projection has learned something."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

from django.db import transaction
from temporalio.api.history.v1 import History, HistoryEvent

from reviews.runs import ingesting, mirroring
from reviews.runs.chunks import raw_of
from reviews.runs.models import HistoryChunk, Run
from workflows.engine.projection import project


def project_again(run_id: uuid.UUID) -> int:
    """Replace the run's steps and facts by what its archive says; answers how many steps it has.

    One transaction a run: readers see the old steps or the new ones.
    """
    with transaction.atomic():
        run = Run.objects.select_for_update(no_key=True).get(id=run_id)
        ingesting.forget_projection(run)
        already = 0
        for events in _archived(run):
            if (seen := project(events, already=already)) is not None:
                ingesting.project_batch(run, seen)
                already = seen.last_event
        run.save()
        mirroring.tell(run)
        return run.steps.count()


def _archived(run: Run) -> Iterator[list[HistoryEvent]]:
    for chunk in HistoryChunk.objects.filter(run=run).order_by("first_event").iterator(chunk_size=4):
        yield list(History.FromString(raw_of(chunk.data)).events)
