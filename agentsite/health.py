"""Addresses for those who run the site: alive, ready, measured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
from django.contrib.auth.views import redirect_to_login
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from reviews.outbox.models import Bridge
from reviews.runs.engine import engine
from reviews.runs.models import AgentType

SILENCE = timedelta(seconds=15)
"""A bridge that did not beat for so long is taken for dead."""
PATIENCE = 2
"""Seconds in which the database lets one in, or is taken to be away."""
UNSEEN = "not looked at: the database is away"


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when all parts answer, else 503; each part with ``ok`` or what is wrong with it."""
    parts = {name: _try(check) for name, check in _APART.items()}
    is_away = parts["database"] != "ok"
    parts |= {name: UNSEEN if is_away else _try(check) for name, check in _IN_DATABASE.items()}
    return JsonResponse(parts, status=200 if set(parts.values()) == {"ok"} else 503)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def admin_login(request: HttpRequest) -> HttpResponse:
    """allauth's limits and its audit cover the admin's login too."""
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


def _database() -> None:
    """Past the pool, which waits long for a server that may come back."""
    address = connection.get_connection_params() | {"connect_timeout": PATIENCE}
    with psycopg.connect(**address) as asked:
        asked.execute("SELECT 1")


def _bridge() -> None:
    bridge = Bridge.objects.filter(id=1).first()
    if bridge is None or bridge.beat_at is None:
        raise LookupError("no bridge has run yet")
    silence = timezone.now() - bridge.beat_at
    if silence > SILENCE:
        raise LookupError(f"the bridge is silent for {silence.total_seconds():.0f} s")


def _engine() -> None:
    engine().check()


def _agents() -> None:
    if not AgentType.objects.exists():
        raise LookupError("no worker has registered an agent type yet")


def _try(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as error:  # noqa: BLE001 (whatever is wrong is what this page is there to say)
        return str(error) or type(error).__name__
    return "ok"


_APART = {"database": _database, "engine": _engine}
_IN_DATABASE = {"bridge": _bridge, "agents": _agents}
