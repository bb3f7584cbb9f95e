"""Once a minute: what runs did goes where their workspace keeps it no longer, and what pages need no more."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Model
from django.utils import timezone

from reviews.changes import actions as changes
from reviews.conversations.models import Turn
from reviews.drills.actions import end_silent
from reviews.escalations import looking
from reviews.outbox.actions import StaleEpoch
from reviews.runs import retention
from reviews.workspaces.models import Workspace
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease

logger = logging.getLogger(__name__)
EVERY = 60.0
BREATH = 0.05
"""Between two batches, so that forgetting a million runs leaves the database to those that work."""
LOG_LIFE = timedelta(minutes=10)
"""A page that slept for longer is loaded anew."""
MANY = 10_000
SAID: dict[type[Model], int] = {Turn: 500}
"""What was said in a run goes with what it did."""


async def forget(lease: Lease) -> None:
    """Until cancelled. Raises :class:`StaleEpoch` when another bridge took over."""
    while True:
        for workspace in await in_database(_that_forget):
            await _forget_all_old(workspace, lease)
        await _tidy()
        await asyncio.sleep(EVERY)


async def _tidy() -> None:
    """The change log beyond what a page may have missed; pages and drills that ended without a word."""
    try:
        while await in_database(changes.cut, LOG_LIFE, at_most=MANY) == MANY:
            await asyncio.sleep(BREATH)
        await in_database(looking.forget_gone)
        await in_database(end_silent)
    except DatabaseError:
        logger.exception("The change log could not be cut; trying again in a minute")


def _that_forget() -> list[Workspace]:
    return list(Workspace.objects.exclude(keep_days=None))


async def _forget_all_old(workspace: Workspace, lease: Lease) -> None:
    try:
        while await in_database(
            retention.forget_old_runs, workspace, timezone.now(), epoch=lease.epoch, more=SAID
        ):
            await asyncio.sleep(BREATH)
    except StaleEpoch:
        raise
    except Exception:  # what cannot be forgotten now must not stop the courier
        logger.exception("Forgetting the old runs of %s failed; trying again in a minute", workspace.slug)
