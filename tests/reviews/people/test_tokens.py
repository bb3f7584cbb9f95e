"""Bearer tokens: made once, shown once, checked before any query."""

from __future__ import annotations

import hashlib
import re
import string
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from reviews.audit.models import AuditEvent
from reviews.people.actions import create_token, token_of
from reviews.people.models import Account, Token
from reviews.workspaces.models import Workspace


def test_a_token_signs_its_account_in(home: Workspace, bob: Account) -> None:
    made, secret = create_token(bob, home, ["*"], by=bob)

    assert token_of(secret) == made
    assert re.fullmatch(r"ags_[A-Za-z0-9]{36}", secret)


def test_only_the_hash_is_kept(home: Workspace, bob: Account) -> None:
    made, secret = create_token(bob, home, ["*"], by=bob)

    assert made.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert not any(secret in str(value) for value in Token.objects.values().get().values())
    assert not AuditEvent.objects.filter(details__icontains=secret).exists()


def test_making_one_is_audited(home: Workspace, bob: Account, alice: Account) -> None:
    made, _ = create_token(bob, home, ["runs:read", "files:read", "runs:read"], by=alice)
    event = AuditEvent.objects.get(verb="token.created")

    assert (event.actor, event.object_id, event.workspace) == (alice, str(made.id), home)
    assert event.details == {"account": "bob", "scopes": ["files:read", "runs:read"]}


@pytest.mark.parametrize("position", [4, 20, 33, 34, 39])
def test_a_mistyped_token_costs_no_query(
    home: Workspace, bob: Account, position: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    _, secret = create_token(bob, home, ["*"], by=bob)
    letters = string.ascii_letters
    other = letters[(letters.find(secret[position]) + 1) % len(letters)]

    with django_assert_num_queries(0):
        assert token_of(secret[:position] + other + secret[position + 1 :]) is None


@pytest.mark.parametrize("secret", ["", "ags_", "ags_" + "a" * 36, "a" * 40, "AGS_" + "0" * 36])
def test_what_is_no_token_is_refused(db: None, secret: str) -> None:
    assert token_of(secret) is None


def test_an_expired_token_is_refused(home: Workspace, bob: Account) -> None:
    made, secret = create_token(bob, home, ["*"], by=bob, life=timedelta(hours=1))
    assert token_of(secret) == made

    Token.objects.update(expires_at=timezone.now())
    assert token_of(secret) is None


def test_a_revoked_token_is_refused(home: Workspace, bob: Account) -> None:
    _, secret = create_token(bob, home, ["*"], by=bob)
    Token.objects.update(revoked_at=timezone.now())

    assert token_of(secret) is None


def test_a_disabled_account_has_no_valid_token(home: Workspace, bob: Account) -> None:
    _, secret = create_token(bob, home, ["*"], by=bob)
    Account.objects.filter(id=bob.id).update(is_active=False)

    assert token_of(secret) is None


def test_its_last_use_is_noted_once_a_minute(
    home: Workspace, bob: Account, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made, secret = create_token(bob, home, ["*"], by=bob)
    token_of(secret)
    made.refresh_from_db()

    assert made.last_used_at is not None
    with django_assert_num_queries(1):
        token_of(secret)
