"""Sign-in links, tokens, and the memory of answered requests."""

from __future__ import annotations

import hashlib
import json
import secrets
import string
import uuid
import zlib
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from reviews.audit import actions as audit
from reviews.changes import actions as changes
from reviews.people.models import (
    IDEMPOTENCY_LIFE,
    SIGNIN_LINK_LIFE,
    Account,
    IdempotencyKey,
    SigninLink,
    Token,
)

if TYPE_CHECKING:
    from reviews.workspaces.models import Workspace

TOKEN_PREFIX = "ags_"  # noqa: S105 (a prefix, not a secret)
_ALPHABET = string.ascii_letters + string.digits
_SEEN_EVERY = timedelta(minutes=1)
# On the path of every click: one statement that claims the key, or waits for who has it and reads what it was
# answered. A key that outlived its time is new.
_REMEMBER = """
    INSERT INTO reviews_idempotencykey AS known (account_id, key, fingerprint)
    VALUES (%(account)s, %(key)s, %(print)s)
    ON CONFLICT (account_id, key) DO UPDATE SET
        fingerprint = CASE WHEN known.created_at < now() - make_interval(secs => %(life)s) THEN excluded.fingerprint ELSE known.fingerprint END,
        answer = CASE WHEN known.created_at < now() - make_interval(secs => %(life)s) THEN NULL ELSE known.answer END,
        created_at = CASE WHEN known.created_at < now() - make_interval(secs => %(life)s) THEN now() ELSE known.created_at END
    RETURNING id, fingerprint, answer
"""


class UnknownAccount(Exception):
    pass


class IdempotencyKeyReused(Exception):
    """The key came before with another request."""


def create_signin_link(name: str) -> str:
    """A secret that signs the person ``name`` in once, within 30 minutes. Raises :class:`UnknownAccount`."""
    account = Account.objects.filter(name__iexact=name, kind=Account.Kind.PERSON, is_active=True).first()
    if account is None:
        raise UnknownAccount(f"There is no person called {name!r}.")
    secret = secrets.token_urlsafe(24)
    SigninLink.objects.create(
        secret_hash=hash_of(secret), account=account, expires_at=timezone.now() + SIGNIN_LINK_LIFE
    )
    return secret


def use_signin_link(secret: str) -> Account | None:
    """The account that ``secret`` signs in, once; None when it is unknown, used or too old."""
    with transaction.atomic():
        used = SigninLink.objects.filter(
            secret_hash=hash_of(secret), used_at=None, expires_at__gt=Now()
        ).update(used_at=Now())
        if not used:
            return None
        account = SigninLink.objects.select_related("account").get(secret_hash=hash_of(secret)).account
        if not account.is_active:
            return None
        return account


def signed_in(account: Account) -> None:
    audit.record("person.signed_in", "account", account.id, by=account, workspace_id=None)


def create_token(
    account: Account,
    workspace: Workspace,
    scopes: Iterable[str],
    *,
    by: Account | None,
    name: str = "",
    life: timedelta | None = None,
) -> tuple[Token, str]:
    """A new token and its secret, which is kept nowhere: 4 + 30 characters and 6 of CRC32."""
    body = "".join(secrets.choice(_ALPHABET) for _ in range(30))
    secret = f"{TOKEN_PREFIX}{body}{_checksum(body)}"
    with transaction.atomic():
        token = Token.objects.create(
            account=account,
            workspace=workspace,
            name=name,
            scopes=sorted(set(scopes)),
            secret_hash=hash_of(secret),
            expires_at=timezone.now() + life if life else None,
        )
        audit.record(
            "token.created", "token", token.id, by=by, workspace_id=workspace.id,
            account=account.name, scopes=token.scopes,
        )  # fmt: skip
        return token, secret


def revoke_token(token: Token, *, by: Account | None) -> None:
    """From now on it opens nothing, and sockets that it opened are closed. Revoking again changes nothing."""
    with transaction.atomic():
        if not Token.objects.filter(id=token.id, revoked_at=None).update(revoked_at=Now()):
            return
        audit.record("token.revoked", "token", token.id, by=by, workspace_id=token.workspace_id)
        rights_changed(token.account_id)


def rights_changed(account_id: uuid.UUID) -> None:
    """Signed out, another password, deactivated: open pages of the account find out what is left to them."""
    with transaction.atomic():
        changes.record(("account", account_id), workspace_id=None)


def token_of(secret: str) -> Token | None:
    """The valid token behind ``secret``. A mistyped one fails its checksum and costs no query."""
    body = secret.removeprefix(TOKEN_PREFIX)
    if not secret.startswith(TOKEN_PREFIX) or _checksum(body[:30]) != body[30:]:
        return None
    unexpired = Q(expires_at=None) | Q(expires_at__gt=Now())
    tokens = Token.objects.select_related("account", "workspace").filter(unexpired, revoked_at=None)
    token = tokens.filter(secret_hash=hash_of(secret), account__is_active=True).first()
    if token is not None and (
        token.last_used_at is None or token.last_used_at < timezone.now() - _SEEN_EVERY
    ):
        Token.objects.filter(id=token.id).update(last_used_at=Now())
    return token


def remember(account: Account, key: str, fingerprint: str) -> IdempotencyKey:
    """Claim ``key`` inside the effect's transaction; a concurrent equal request waits here for it.

    A row with ``answer`` set was answered before. Raises :class:`IdempotencyKeyReused` when the key came
    with another request.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _REMEMBER,
            {
                "account": account.id,
                "key": key,
                "print": fingerprint,
                "life": IDEMPOTENCY_LIFE.total_seconds(),
            },
        )
        id, known, answer = cursor.fetchone()
    row = IdempotencyKey(
        id=id, account=account, key=key, fingerprint=known, answer=json.loads(answer or "null")
    )
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    return row


def answer_with(row: IdempotencyKey, answer: dict[str, Any]) -> None:
    row.answer = answer
    row.save(update_fields=["answer"])


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _checksum(body: str) -> str:
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(6):
        value, digit = divmod(value, len(_ALPHABET))
        digits = _ALPHABET[digit] + digits
    return digits
