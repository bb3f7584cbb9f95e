"""Run a worker; run as many as the model's rate limits allow."""

from __future__ import annotations

import asyncio
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workflows.registry import KITS
from workflows.worker import run


class Command(BaseCommand):
    requires_system_checks = ()  # they load the code of every page
    help = "Run agents and the activities by which workflows reach people."

    def add_arguments(self, parser: CommandParser) -> None:
        others = ", ".join(name for name in KITS if name)
        parser.add_argument(
            "--agents",
            default="",
            metavar="KIT",
            choices=KITS,
            help=f"other agents than the standard ones: {others}",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            asyncio.run(run(options["agents"]))
        except ModuleNotFoundError as error:
            raise CommandError(
                f"{error}. Frameworks are an extra: .venv/bin/uv sync --extra frameworks"
            ) from error
