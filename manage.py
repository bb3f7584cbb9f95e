#!/usr/bin/env python
"""Django's command line. `up` runs without Django: it starts the database that the settings name."""

import contextlib
import logging
import os
import sys
from typing import NoReturn

from agentsite.failures import CannotStart


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
        with contextlib.suppress(OSError):
            stream.flush()
    os._exit(code)


def main() -> None:
    try:
        run()
        code: object = None
    except SystemExit as end:
        code = end.code
    if "temporalio.bridge" in sys.modules:
        if isinstance(code, str):
            print(code, file=sys.stderr)
        leave(code if isinstance(code, int) else int(code is not None))
    sys.exit(code)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
