"""How a command of `manage.py` ends."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentsite.home import ROOT

COMMAND = """
import atexit, sys
import {module}
import manage

def run():
    print("done")
    {end}

atexit.register(print, "the interpreter ended")
manage.run = run
manage.main()
"""


def ends(module: str, end: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", COMMAND.format(module=module, end=end)]
    return subprocess.run(command, cwd=ROOT, text=True, timeout=60, check=False, **options)


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("pass", 0, ""),
        ("sys.exit(3)", 3, ""),
        ("sys.exit('prepare: there is no database')", 1, "prepare: there is no database\n"),
    ],
)
@pytest.mark.parametrize(("module", "last"), [("temporalio.bridge", ""), ("json", "the interpreter ended\n")])
def test_who_used_temporal_ends_before_the_interpreter_can_break(
    module: str, last: str, end: str, code: int, said: str
) -> None:
    done = ends(module, end, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (code, f"done\n{last}", said)


def test_a_fault_is_told_as_ever() -> None:
    done = ends("temporalio.bridge", "raise LookupError('no such thing')", capture_output=True)
    assert (done.returncode, done.stdout) == (1, "done\n")
    assert done.stderr.startswith("Traceback") and done.stderr.endswith("LookupError: no such thing\n")


def test_what_could_not_be_written_is_no_success() -> None:
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with Path("/dev/full").open("w") as full:
        assert ends("temporalio.bridge", "pass", stdout=full, env=buffered).returncode == 120
