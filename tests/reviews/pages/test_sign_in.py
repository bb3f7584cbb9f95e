"""Coming in by a one-time link, by password, and going out."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from reviews.audit.models import AuditEvent
from reviews.people.actions import create_signin_link
from reviews.people.models import Account, SigninLink

pytestmark = pytest.mark.django_db


def link_for(account: Account) -> str:
    return reverse("signin_link", args=[create_signin_link(account.name)])


def test_a_link_signs_in_after_the_form_is_confirmed(client: Client, bob: Account) -> None:
    answer = client.post(link_for(bob))
    assert answer.status_code == 302
    assert answer["Location"] == "/"
    assert client.get("/").status_code == 200
    assert AuditEvent.objects.filter(verb="person.signed_in", actor=bob).count() == 1


def test_looking_at_a_link_does_not_use_it_up(client: Client, bob: Account) -> None:
    address = link_for(bob)
    for _ in range(2):
        assert b"<button" in client.get(address).content
    assert client.head(address).status_code == 200
    assert SigninLink.objects.get().used_at is None
    assert client.get("/").status_code == 302


def test_a_used_link_says_what_to_do(client: Client, bob: Account) -> None:
    address = link_for(bob)
    client.post(address)
    answer = Client().post(address)
    assert answer.status_code == 410
    assert b"Ask whoever sent it for a new one" in answer.content


def test_a_page_sends_strangers_to_the_sign_in_page_and_back(client: Client, bob: Account) -> None:
    bob.set_password("correct horse battery")
    bob.save()
    answer = client.get("/runs/?status=open")
    assert answer["Location"] == "/accounts/login/?next=/runs/%3Fstatus%3Dopen"
    answer = client.post(answer["Location"], {"login": "bob", "password": "correct horse battery"})
    assert answer["Location"] == "/runs/?status=open"


def test_a_wrong_password_is_said_on_the_page(client: Client, bob: Account) -> None:
    answer = client.post("/accounts/login/", {"login": "bob", "password": "no"})
    assert answer.status_code == 200
    assert b'role="alert"' in answer.content


def test_a_reload_of_a_signed_out_page_goes_to_the_sign_in_page(client: Client) -> None:
    answer = client.get("/runs/", headers={"HX-Request": "true"})
    assert answer["HX-Redirect"].startswith("/accounts/login/")


def test_signing_out_says_so(as_bob: Client) -> None:
    answer = as_bob.post("/accounts/logout/", follow=True)
    assert b"You have signed out" in answer.content
    assert as_bob.get("/").status_code == 302


def test_the_theme_is_kept_in_a_cookie(client: Client) -> None:
    answer = client.post("/theme/", {"theme": "dark", "back": "/accounts/login/"})
    assert answer["Location"] == "/accounts/login/"
    assert b'data-theme="dark"' in client.get("/accounts/login/").content


def test_the_theme_form_leads_to_no_other_site(client: Client) -> None:
    answer = client.post("/theme/", {"theme": "neon", "back": "https://evil.example/"})
    assert answer["Location"] == "/"
    assert "theme" not in answer.cookies
