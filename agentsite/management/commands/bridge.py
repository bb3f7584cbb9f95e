"""Run the bridge between PostgreSQL and Temporal; start a second one as a standby."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand

from workflows.bridge.run import run


class Command(BaseCommand):
    requires_system_checks = ()  # they load the code of every page
    help = "Carry messages to Temporal and mirror histories back. One bridge is active; others stand by."

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(run())
