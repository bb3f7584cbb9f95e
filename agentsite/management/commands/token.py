"""Make bearer tokens: ``token create (--agent NAME | --person NAME) --workspace SLUG --scopes SCOPES``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from reviews.people.actions import create_token
from reviews.people.models import Account
from reviews.workspaces.access import Right
from reviews.workspaces.models import Membership, Workspace


class Command(BaseCommand):
    help = "Make a token for the REST interface. It is printed once, alone on the last line."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a token")
        holder = create.add_mutually_exclusive_group(required=True)
        holder.add_argument("--agent", metavar="NAME")
        holder.add_argument("--person", metavar="NAME")
        create.add_argument("--workspace", metavar="SLUG", required=True)
        create.add_argument(
            "--scopes",
            required=True,
            help="comma-separated, * for all that the account may: " + ", ".join(Right),
        )
        create.add_argument("--days", type=int, help="days that it is valid; for ever when not given")

    def handle(self, *args: Any, **options: Any) -> None:
        account, workspace = self._account(options), self._workspace(options["workspace"])
        if not Membership.objects.filter(account=account, workspace=workspace).exists():
            raise CommandError(
                f"{account.name} is not a member of {workspace.slug}: the token could do nothing."
            )
        life = timedelta(days=options["days"]) if options["days"] else None
        _, secret = create_token(account, workspace, self._scopes(options["scopes"]), by=None, life=life)
        self.stdout.write(secret)

    def _account(self, options: dict[str, Any]) -> Account:
        kind = Account.Kind.AGENT if options["agent"] else Account.Kind.PERSON
        name = options["agent"] or options["person"]
        account = Account.objects.filter(name__iexact=name, kind=kind).first()
        if account is None:
            raise CommandError(f"There is no {kind} called {name!r}.")
        return account

    def _workspace(self, slug: str) -> Workspace:
        workspace = Workspace.objects.filter(slug=slug).first()
        if workspace is None:
            raise CommandError(f"There is no workspace {slug!r}.")
        return workspace

    def _scopes(self, text: str) -> list[str]:
        scopes = [scope for scope in text.replace(",", " ").split() if scope]
        unknown = set(scopes) - set(Right) - {"*"}
        if not scopes or unknown:
            raise CommandError(f"Unknown scopes {sorted(unknown)}; there are * and {', '.join(Right)}.")
        return scopes
