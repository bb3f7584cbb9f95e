#!/usr/bin/env python
"""Django's command line. `up` runs without Django: it starts the database that the settings name."""

import os
import sys

from agentsite.failures import CannotStart


def main() -> None:
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


if __name__ == "__main__":
    main()
