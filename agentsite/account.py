"""The user under whom PostgreSQL runs when we are root: it refuses to run as root."""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentsite.failures import CannotStart


@dataclass(frozen=True)
class Account:
    """A system user by name and numbers."""

    name: str
    uid: int
    gid: int

    def spawn_options(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that start a process as this user, without our groups."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def unprivileged_account() -> Account | None:
    """The system's user for processes without rights; None where there is none."""
    for name in ("nobody", "daemon"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name, entry.pw_uid, entry.pw_gid)
    return None


def postgres_account() -> Account | None:
    """None when we may run PostgreSQL ourselves; the user to become when we are root."""
    if os.geteuid() != 0:
        return None
    account = unprivileged_account()
    if account is None:
        raise CannotStart(
            "PostgreSQL does not run as root and there is no user 'nobody' to run it as; "
            "start as an ordinary user, or set DATABASE_URL"
        )
    return account


def run_as(
    account: Account | None,
    command: Sequence[str | Path],
    *,
    text: str = "",
    env: Mapping[str, str],
) -> subprocess.CompletedProcess[str]:
    """Run a short command to its end, as this user if one is given; both outputs are in `stdout`.

    Where it cannot be run at all (we may not become the user, who cannot reach it) the return code
    is 126, as a shell has it.
    """
    options = account.spawn_options() if account else {}
    try:
        return subprocess.run(
            command,
            input=text,
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd="/",
            check=False,
            **options,
        )
    except OSError as error:
        return subprocess.CompletedProcess(command, 126, stdout=str(error))
