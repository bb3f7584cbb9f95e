"""Settings of a workspace: ``workspace keep SLUG DAYS|forever``."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reviews.workspaces.actions import keep_histories
from reviews.workspaces.models import Workspace

FOREVER = "forever"


class Command(BaseCommand):
    help = "Change how a workspace works."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        keep = actions.add_parser("keep", help="for how long after a run closed its history is kept")
        keep.add_argument("slug", metavar="SLUG")
        keep.add_argument("days", metavar=f"DAYS|{FOREVER}")

    def handle(self, *args: Any, **options: Any) -> None:
        workspace = Workspace.objects.filter(slug=options["slug"]).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {options['slug']!r}.")
        days = _days(options["days"])
        try:
            keep_histories(workspace, days, by=None)
        except ValueError as error:
            raise CommandError(str(error)) from error
        kept = "for ever" if days is None else f"for {days} days after a run closes"
        self.stdout.write(f"{workspace.slug} keeps histories {kept}.")


def _days(text: str) -> int | None:
    if text == FOREVER:
        return None
    if not (text.isascii() and text.isdigit()):
        raise CommandError(f"Say a number of days, or {FOREVER}; not {text!r}.")
    return int(text)
