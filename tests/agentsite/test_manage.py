"""How a command of `manage.py` ends."""

import subprocess
import sys

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
    command = [sys.executable, "-c", COMMAND.format(module=module, end=end)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (code, f"done\n{last}", said)
