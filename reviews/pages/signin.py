"""Coming in by a one-time link, and choosing light or dark."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from reviews.pages.context import THEMES
from reviews.people.actions import use_signin_link

BACKEND = "django.contrib.auth.backends.ModelBackend"
A_YEAR = 365 * 24 * 3600


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def signin_link(request: HttpRequest, secret: str) -> HttpResponse:
    """GET has no effect: mail scanners follow links. POST uses the link up."""
    if request.method != "POST":
        return render(request, "signin_link/page.html")
    account = use_signin_link(secret)
    if account is None:
        return render(request, "signin_link/page.html", {"used_up": True}, status=410)
    login(request, account, backend=BACKEND)
    return redirect("inbox")


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """A cookie, so that the first paint has the right colours without a script."""
    back = request.POST.get("back", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = "/"
    response = redirect(back)
    if (chosen := request.POST.get("theme")) in THEMES:
        response.set_cookie("theme", chosen, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    return response
