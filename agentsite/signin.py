"""How people come in: allauth without open sign-up, each sign-in audited."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse

from reviews.people import actions as people
from reviews.people.models import Account


def signin_path(name: str) -> str:
    """A one-time address on this site that signs the person in. Raises ``UnknownAccount``."""
    return reverse("signin_link", args=[people.create_signin_link(name)])


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """People are invited: an account is made by an admin or on the command line."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False


@receiver(user_logged_in)
def audit_sign_in(sender: Any, user: Account, **_: Any) -> None:
    people.signed_in(user)
