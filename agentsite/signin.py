"""How people come in: allauth without open sign-up, each sign-in audited."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.signals import password_changed, password_reset, password_set
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.db import transaction
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

    def logout(self, request: HttpRequest) -> None:
        """The session and what tells its open pages go together: Django says that it ended before it does."""
        with transaction.atomic():
            super().logout(request)


@receiver(user_logged_in)
def audit_sign_in(sender: Any, user: Account, **_: Any) -> None:
    people.signed_in(user)


@receiver(user_logged_out)
def end_open_pages(sender: Any, user: Account | None, **_: Any) -> None:
    """Of the session that ended; other sessions of the account find themselves unharmed."""
    if user is not None:
        people.rights_changed(user.id)


@receiver(password_changed)
@receiver(password_set)
@receiver(password_reset)
def end_other_sessions(sender: Any, user: Account, **_: Any) -> None:
    people.rights_changed(user.id)
