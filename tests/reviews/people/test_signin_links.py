"""One-time sign-in links."""

from __future__ import annotations

import pytest
from django.utils import timezone

from reviews.people.actions import UnknownAccount, create_signin_link, use_signin_link
from reviews.people.models import Account, SigninLink


def test_a_link_signs_in_once(bob: Account) -> None:
    secret = create_signin_link("Bob")

    assert use_signin_link(secret) == bob
    assert use_signin_link(secret) is None


def test_only_its_hash_is_kept(bob: Account) -> None:
    secret = create_signin_link("bob")

    assert secret not in str(SigninLink.objects.values().get())


def test_an_old_link_signs_nobody_in(bob: Account) -> None:
    secret = create_signin_link("bob")
    SigninLink.objects.update(expires_at=timezone.now())

    assert use_signin_link(secret) is None


def test_an_account_disabled_meanwhile_does_not_come_in(bob: Account) -> None:
    secret = create_signin_link("bob")
    Account.objects.filter(id=bob.id).update(is_active=False)

    assert use_signin_link(secret) is None


@pytest.mark.parametrize("secret", ["", "nonsense", "x" * 500])
def test_an_unknown_secret_signs_nobody_in(db: None, secret: str) -> None:
    assert use_signin_link(secret) is None


@pytest.mark.parametrize("name", ["robo", "mallory", ""])
def test_agents_and_strangers_get_no_link(robo: Account, name: str) -> None:
    with pytest.raises(UnknownAccount):
        create_signin_link(name)


def test_somebody_disabled_gets_no_link(bob: Account) -> None:
    Account.objects.filter(id=bob.id).update(is_active=False)

    with pytest.raises(UnknownAccount):
        create_signin_link("bob")
