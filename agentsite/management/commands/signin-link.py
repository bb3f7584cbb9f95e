"""Print a one-time address that signs a person in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentsite.signin import signin_path
from reviews.people.actions import UnknownAccount


class Command(BaseCommand):
    help = "Print a one-time address that signs NAME in; it works once, for 30 minutes."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            path = signin_path(options["name"])
        except UnknownAccount as error:
            raise CommandError(str(error)) from error
        self.stdout.write(settings.AGENTSITE_URL.rstrip("/") + path)
