"""`manage.py up`, listed and explained among the other commands; manage.py runs it before Django."""

import sys
from typing import Any

from django.core.management.base import BaseCommand

from agentsite.up import main


class Command(BaseCommand):
    help = (
        "Run the whole site on this machine: PostgreSQL, a Temporal dev server, a demo model, web, bridge "
        "and worker. PORT (8000) and AGENTSITE_HOME (var/) choose where."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main())
