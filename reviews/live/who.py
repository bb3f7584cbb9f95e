"""Who is behind a socket, asked anew whenever that may have changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest
from django.http.cookie import parse_cookie

from reviews.people.actions import token_of
from reviews.people.models import Account
from reviews.workspaces.access import Viewer

Headers = Mapping[str, str]


def headers_of(scope: Mapping[str, Any]) -> Headers:
    """Names in lower case; the last of several equal ones."""
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def viewer_of(headers: Headers) -> Viewer | None:
    """By bearer token, else by the session's cookie. None: signed out, revoked, or never known."""
    scheme, _, secret = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        token = token_of(secret.strip())
        return Viewer(token.account, token) if token is not None else None
    key = parse_cookie(headers.get("cookie", "")).get(settings.SESSION_COOKIE_NAME)
    account = _account_of(key) if key else None
    return Viewer(account) if account is not None else None


def _account_of(session_key: str) -> Account | None:
    """As Django would for a page: the session has to live, and the password and the account to be as they were."""
    request = HttpRequest()
    request.session = SessionStore(session_key)
    account = get_user(request)
    return account if account.is_authenticated else None


def is_from_here(headers: Headers, scheme: str) -> bool:
    """Cookies come along from any page, so the page has to be ours. A program with a token sends no origin."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("authorization", "").lower().startswith("bearer ")
    ours = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    parts = urlsplit(origin)
    if origin in settings.CSRF_TRUSTED_ORIGINS or origin == settings.AGENTSITE_URL.rstrip("/"):
        return True
    return parts.scheme == ours and parts.netloc == headers.get("host", "")
