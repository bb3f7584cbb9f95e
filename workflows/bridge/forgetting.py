"""Once a minute: what runs did goes where their workspace keeps it no longer."""

from __future__ import annotations

import asyncio
import logging

from django.utils import timezone

from reviews.outbox.actions import StaleEpoch
from reviews.runs import retention
from reviews.workspaces.models import Workspace
from workflows.bridge.database import in_database
from workflows.bridge.lease import Lease

logger = logging.getLogger(__name__)
EVERY = 60.0
BREATH = 0.05
"""Between two batches, so that forgetting a million runs leaves the database to those that work."""


async def forget(lease: Lease) -> None:
    """Until cancelled. Raises :class:`StaleEpoch` when another bridge took over."""
    while True:
        for workspace in await in_database(_that_forget):
            await _forget_all_old(workspace, lease)
        await asyncio.sleep(EVERY)


def _that_forget() -> list[Workspace]:
    return list(Workspace.objects.exclude(keep_days=None))


async def _forget_all_old(workspace: Workspace, lease: Lease) -> None:
    try:
        while await in_database(retention.forget_old_runs, workspace, timezone.now(), epoch=lease.epoch):
            await asyncio.sleep(BREATH)
    except StaleEpoch:
        raise
    except Exception:  # what cannot be forgotten now must not stop the courier
        logger.exception("Forgetting the old runs of %s failed; trying again in a minute", workspace.slug)
