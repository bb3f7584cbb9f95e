"""A browser without a screen: the pages as each of the people sees them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from reviews.people.models import Account

BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def signed_in() -> Callable[[Account], Client]:
    def sign_in(account: Account) -> Client:
        client = Client()
        client.force_login(account, backend=BACKEND)
        return client

    return sign_in


@pytest.fixture
def as_bob(signed_in: Callable[[Account], Client], bob: Account) -> Client:
    return signed_in(bob)


@pytest.fixture
def as_alice(signed_in: Callable[[Account], Client], alice: Account) -> Client:
    return signed_in(alice)


@pytest.fixture
def as_olga(signed_in: Callable[[Account], Client], olga: Account) -> Client:
    return signed_in(olga)


@pytest.fixture
def as_victor(signed_in: Callable[[Account], Client], victor: Account) -> Client:
    return signed_in(victor)


@pytest.fixture
def as_charlie(signed_in: Callable[[Account], Client], charlie: Account) -> Client:
    return signed_in(charlie)
