"""Middleware of the site."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


class InOneThread:
    """Innermost, and for synchronous views only: the whole chain around it runs in the view's thread.

    Without it Django changes between the event loop and a thread twice for each middleware, which costs more
    than most of our views.
    """

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)
