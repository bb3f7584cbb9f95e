"""The log of changes after a long time."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.db import transaction

from reviews.changes import actions as changes
from reviews.changes.models import Change
from tests.support.processes import wait_until


def forget_the_log() -> None:
    """What the bridge does with lines older than ten minutes, in a log that has moved on since.

    Lines behind which a transaction may still come in stay a little longer.
    """
    wait_until(
        lambda: not changes.cut(timedelta(0), at_most=1000) and not Change.objects.exists(), "it is cut"
    )
    with transaction.atomic():
        changes.record(("run", uuid.uuid4()), workspace_id=None)
