"""How the web starts a drill: as a process that the web's own death does not touch."""

from __future__ import annotations

import subprocess
import sys
import threading

from django.conf import settings

from agentsite.home import ROOT
from reviews.drills.models import Drill


def launch(drill: Drill) -> None:
    """In a session of its own, its words in ``logs/drill.log``; it ends with `up`. Raises ``OSError``."""
    logs = settings.HOME.path / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    with (logs / "drill.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "drill", drill.kind, "--id", str(drill.id)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    # Somebody has to ask how it ended, or it stays in the process table as long as the web.
    threading.Thread(target=process.wait, name=f"drill {drill.id}", daemon=True).start()
