"""Named places where a test lets a process die, as ``kill -9`` would, once.

``AGENTSITE_FAILPOINTS`` names a folder; a file there with a failpoint's name arms it. Without the variable,
as everywhere but in those tests, a failpoint costs one look at a constant.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_ARMED = os.environ.get("AGENTSITE_FAILPOINTS")


def failpoint(name: str) -> None:
    """Die here when ``name`` is armed; whoever removes the file first is the one that dies."""
    if _ARMED is None:
        return
    with suppress(FileNotFoundError):
        (Path(_ARMED) / name).unlink()
        os.kill(os.getpid(), signal.SIGKILL)
