"""Run a worker; run as many as the model's rate limits allow."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from workflows.worker import run


class Command(BaseCommand):
    requires_system_checks = ()  # they load the code of every page
    help = "Run agents and the activities by which workflows reach people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--agents", default="", metavar="KIT", help="other agents than the standard ones")

    def handle(self, *args: Any, **options: Any) -> None:
        asyncio.run(run(options["agents"]))
        # A process that ran a worker can crash in the interpreter's exit (sdk-python#300).
        logging.shutdown()
        sys.stdout.flush()
        os._exit(0)
