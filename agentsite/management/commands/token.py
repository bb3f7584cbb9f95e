"""Bearer tokens: ``token create (--agent NAME | --person NAME) --workspace SLUG --scopes SCOPES``, ``list``, ``revoke``."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from reviews.people.actions import create_token, revoke_token
from reviews.people.models import Account, Token
from reviews.workspaces.access import Right
from reviews.workspaces.models import Membership, Workspace


class Command(BaseCommand):
    help = "Tokens for the REST interface: make one, list them, take one back."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make one; it is printed once, alone on the last line")
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
        listed = actions.add_parser("list", help="which there are, the newest first; never the secrets")
        listed.add_argument("--workspace", metavar="SLUG")
        revoke = actions.add_parser("revoke", help="take one back: it opens nothing any more")
        revoke.add_argument("id", help="as `token list` shows it")

    def handle(self, *args: Any, **options: Any) -> None:
        match options["action"]:
            case "create":
                self._create(options)
            case "list":
                self._list(options["workspace"])
            case "revoke":
                self._revoke(options["id"])

    def _create(self, options: dict[str, Any]) -> None:
        account, workspace = self._account(options), self._workspace(options["workspace"])
        if not Membership.objects.filter(account=account, workspace=workspace).exists():
            raise CommandError(
                f"{account.name} is not a member of {workspace.slug}: the token could do nothing."
            )
        life = timedelta(days=options["days"]) if options["days"] else None
        _, secret = create_token(account, workspace, self._scopes(options["scopes"]), by=None, life=life)
        self.stdout.write(secret)

    def _list(self, slug: str | None) -> None:
        tokens = Token.objects.select_related("account", "workspace").order_by("-created_at", "id")
        if slug:
            tokens = tokens.filter(workspace=self._workspace(slug))
        for token in tokens:
            used = f"last used {token.last_used_at:%Y-%m-%d}" if token.last_used_at else "never used"
            self.stdout.write(
                f"{token.id}  {token.account.name}  {token.workspace.slug}  {_state(token)}, {used}  "
                f"{','.join(token.scopes)}"
            )

    def _revoke(self, id: str) -> None:
        try:
            token = Token.objects.get(id=uuid.UUID(id))
        except (ValueError, Token.DoesNotExist):
            raise CommandError(f"There is no token {id!r}; `token list` shows which there are.") from None
        if token.revoked_at:
            raise CommandError(f"It was revoked on {token.revoked_at:%Y-%m-%d %H:%M} UTC.")
        revoke_token(token, by=None)
        self.stdout.write(f"Revoked the token of {token.account.name} in {token.workspace.slug}.")

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


def _state(token: Token) -> str:
    if token.revoked_at:
        return "revoked"
    if token.expires_at is None:
        return "valid"
    return f"{'valid until' if token.expires_at > timezone.now() else 'expired'} {token.expires_at:%Y-%m-%d}"
