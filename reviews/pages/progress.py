"""What an attempt says of its progress, in words. Of a foreign activity anything may come: that is shown as it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LATEST = 4_102_444_800
"""The year 2100, in seconds since the epoch: what is beyond is no time at which something goes on."""


@dataclass(frozen=True)
class Progress:
    """``words`` of ours and ``text`` of the model's; or ``raw``, where the details of a heartbeat are of no known kind."""

    words: str = ""
    text: str = ""
    until: datetime | None = None
    raw: Any = None


def progress_of(details: Any, *, ended: bool = False) -> Progress:
    """Of the last heartbeat's first detail (workflows/activities/model.py says which there are)."""
    match details:
        case {"characters": int(count), "text": str(text)} if ended:
            return Progress(f"{count:,} characters were written" if text else "")
        case {"characters": 0, "text": str()}:
            return Progress("waits for the model’s first word")
        case {"characters": int(count), "text": str(text)}:
            return Progress(f"{count:,} characters so far", text if count <= len(text) else f"…{text}")
        case {"slot": {"at": int(at) | float(at)}} if 0 < at < LATEST:
            if ended:
                return Progress("had to wait for its turn at the model")
            return Progress("waits for its turn at the model", until=datetime.fromtimestamp(at, UTC))
        case {"fault": str(fault)}:
            return Progress("the model is told what was wrong:", fault)
    return Progress(raw=details)
