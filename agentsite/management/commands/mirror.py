"""The mirror, held against Temporal and against its own archive."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reviews.runs.discovering import accept_namespace
from reviews.runs.models import Run
from workflows.bridge.checking import Difference, lasting_differences
from workflows.bridge.reprojecting import project_again
from workflows.engine.connect import connect


class Command(BaseCommand):
    help = "Check that the mirror is as Temporal says, project runs again from the archive, accept a new namespace."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="what", required=True)
        check = commands.add_parser("check", help="print each difference; exit code 1 when there is one")
        check.add_argument(
            "--patience", type=float, default=30.0, help="seconds in which it has to be mended"
        )
        check.add_argument("--deep", action="store_true", help="compare every history event by event")
        project = commands.add_parser("project", help="make steps and facts anew from the archive")
        project.add_argument("--run", help="id of one run; all of them when it is not given")
        accept = commands.add_parser("accept", help="mirror a namespace that was made anew")
        accept.add_argument("namespace")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["what"]:
            case "check":
                self._check(options["patience"], deep=options["deep"])
            case "project":
                self._project(options["run"])
            case "accept":
                accept_namespace(options["namespace"])
                self.stdout.write(
                    f"The bridge mirrors {options['namespace']} as it is now from its next look on."
                )

    def _check(self, patience: float, *, deep: bool) -> None:
        found = asyncio.run(_differences(patience, deep=deep))
        for difference in found:
            self.stdout.write(str(difference))
        self.stdout.write(f"{len(found)} differences")
        if found:
            sys.exit(1)

    def _project(self, run_id: str | None) -> None:
        runs = Run.objects.filter(forgotten_at=None)
        if run_id is not None:
            runs = runs.filter(id=run_id)
        ids = list(runs.order_by("created_at", "id").values_list("id", flat=True))
        if not ids:
            raise CommandError("There is no such run." if run_id else "There is no run yet.")
        for number, id in enumerate(ids, start=1):
            steps = project_again(id)
            if run_id or number % 100 == 0 or number == len(ids):
                self.stdout.write(f"{number} of {len(ids)} runs projected, the last one has {steps} steps")


async def _differences(patience: float, *, deep: bool) -> list[Difference]:
    return await lasting_differences(await connect(), patience=patience, deep=deep)
