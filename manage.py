#!/usr/bin/env python
"""Django's command line. `up` runs without Django: it starts the database that the settings name."""

import logging
import os
import signal
import sys
import traceback
from typing import NoReturn

from agentsite.failures import CannotStart

LOST_OUTPUT = 120
"""The exit code of the interpreter itself where what was printed could not be written."""


def run() -> None:
    """Run one command; what the person at the console has to change is one line and exit code 1."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentsite.settings")
    try:
        if sys.argv[1:] == ["up"]:
            from agentsite.up import main as up

            sys.exit(up())
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except CannotStart as error:
        sys.exit(f"{sys.argv[1] if len(sys.argv) > 1 else 'manage.py'}: {error}")


def leave(code: int) -> NoReturn:
    """End without the interpreter's own end: threads of Temporal's SDK that call into it then end it by SIGABRT
    (temporalio/sdk-python#300), also where all went well."""
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or LOST_OUTPUT
    os._exit(code)


def main() -> None:
    code: str | int | None = None
    try:
        run()
    except SystemExit as end:
        code = end.code
    except BaseException as error:
        if not used_temporal():
            raise
        traceback.print_exc()
        code = 128 + signal.SIGINT if isinstance(error, KeyboardInterrupt) else 1
    if not used_temporal():
        sys.exit(code)
    if isinstance(code, str):
        print(code, file=sys.stderr)
    leave(code if isinstance(code, int) else int(code is not None))


def used_temporal() -> bool:
    return "temporalio.bridge" in sys.modules


if __name__ == "__main__":
    main()
