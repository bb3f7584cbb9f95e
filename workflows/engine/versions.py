"""Which Temporal servers are new enough. Needs no SDK: `manage.py up` runs without it."""

import re
import subprocess
from pathlib import Path

OLDEST_SERVER = (1, 24)
PATIENCE = 10  # seconds


def fault(version: str) -> str | None:
    """One line on a server that is too old; None for one that will do or does not say."""
    number = re.match(r"v?(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) >= OLDEST_SERVER:
        return None
    oldest = ".".join(map(str, OLDEST_SERVER))
    return f"the Temporal server is too old: version {version}, Agentsite needs {oldest} or later"


def of_binary(binary: Path) -> str:
    """The version of the server inside the program `temporal`, such as `1.32.0`; empty where it does not say."""
    try:
        said = subprocess.run(
            [binary, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # whatever is wrong with it, its start says it better
    found = re.search(r"[Ss]erver v?(\d+\.[\w.-]+)", said.stdout)
    return found[1] if found else ""
