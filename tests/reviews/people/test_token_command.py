"""`manage.py token`: made, listed, taken back at the console."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from reviews.audit.models import AuditEvent
from reviews.people.actions import create_token, token_of
from reviews.people.models import Account, Token
from reviews.workspaces.models import Workspace


def said(*words: str) -> list[str]:
    output = StringIO()
    call_command("token", *words, stdout=output)
    return output.getvalue().splitlines()


def test_one_that_was_made_is_listed_without_its_secret_and_revoked(home: Workspace, bob: Account) -> None:
    [secret] = said("create", "--person", "bob", "--workspace", home.slug, "--scopes", "runs:read,files:read")
    token = token_of(secret)
    assert token is not None

    [line] = said("list", "--workspace", home.slug)
    assert line.startswith(f"{token.id}  bob  {home.slug}  valid, last used ")
    assert line.endswith("  files:read,runs:read")
    assert secret not in line

    assert said("revoke", str(token.id)) == [f"Revoked the token of bob in {home.slug}."]
    assert token_of(secret) is None
    assert AuditEvent.objects.filter(verb="token.revoked", object_id=token.id).count() == 1
    assert "  revoked, " in said("list")[0]
    with pytest.raises(CommandError, match="It was revoked on "):
        said("revoke", str(token.id))


def test_the_list_says_until_when_each_is_valid(home: Workspace, bob: Account) -> None:
    old, _ = create_token(bob, home, ["*"], by=bob, life=timedelta(days=1))
    Token.objects.filter(id=old.id).update(expires_at=timezone.now() - timedelta(days=2))
    create_token(bob, home, ["*"], by=bob, life=timedelta(days=30))

    newest, oldest = said("list")
    assert f"valid until {timezone.now() + timedelta(days=30):%Y-%m-%d}, never used" in newest
    assert f"expired {timezone.now() - timedelta(days=2):%Y-%m-%d}, never used" in oldest


@pytest.mark.parametrize("id", ["nothing", "6b0f8a52-6f2e-4a55-9b8e-000000000000"])
def test_one_that_is_not_there(db: None, id: str) -> None:
    with pytest.raises(CommandError, match="`token list` shows which there are"):
        said("revoke", id)
