"""What every page shares: who looks at it, which methods it takes, and what a domain error looks like."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from reviews.changes.tailer import tailer
from reviews.escalations.faults import NotYours, TooLate
from reviews.people.models import Account
from reviews.runs.actions import RunClosed
from reviews.workspaces.access import Forbidden, NotFound, Viewer

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails


class PageRequest(HttpRequest):
    """A request of somebody who signed in."""

    viewer: Viewer
    live_cursor: str
    htmx: HtmxDetails
    user: Account


View = Callable[..., HttpResponseBase]

WORDS = {
    HTTPStatus.FORBIDDEN: (
        "This is not yours to do",
        "Your role in this workspace does not reach this far. Ask an admin or the owner of the workspace for it.",
    ),
    HTTPStatus.NOT_FOUND: (
        "There is nothing here",
        "The address is mistyped, or what it named belongs to a workspace that you are no member of. Ask its owner.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: (
        "This cannot be read now",
        "Storage does not answer, or no longer has it. Try again in a minute, then ask whoever runs this site.",
    ),
    HTTPStatus.CONFLICT: (
        "That is over",
        "What you wanted to change has moved on in the meantime. Go back and look at it again.",
    ),
}


def page(*methods: str) -> Callable[[View], View]:
    """A view for people who signed in. Domain errors become pages that say what to do."""

    def decorate(view: View) -> View:
        @require_http_methods(["HEAD", *methods] if "GET" in methods else list(methods))
        @wraps(view)
        def answer(request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _sign_in(request)
            request.live_cursor = (
                tailer.cursor
            )  # before anything is read: what changes meanwhile is heard twice
            request.viewer = Viewer(request.user)
            response = _answer_or_problem(view, request, *args, **kwargs)
            if not response.has_header("Cache-Control"):
                patch_cache_control(response, private=True, no_cache=True)
            patch_vary_headers(response, ["HX-Request"])
            return response

        return cast(View, answer)

    return decorate


def problem(request: HttpRequest, status: HTTPStatus, said: str = "") -> HttpResponse:
    """A page in the site's design that says what happened and what to do; ``said`` comes first."""
    title, advice = WORDS[status]
    context = {"title": title, "said": said, "advice": advice, "status": int(status)}
    return render(request, "problem/page.html", context, status=status)


def _answer_or_problem(view: View, request: PageRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    try:
        return view(request, *args, **kwargs)
    except NotFound:
        return problem(request, HTTPStatus.NOT_FOUND)
    except Forbidden as error:
        if not request.viewer.rights:
            return problem(request, HTTPStatus.FORBIDDEN, "You are not a member of any workspace yet.")
        return problem(request, HTTPStatus.FORBIDDEN, f"It needs the right “{error.right}”.")
    except NotYours as error:
        return problem(request, HTTPStatus.FORBIDDEN, str(error))
    except RunClosed as error:
        return problem(request, HTTPStatus.CONFLICT, f"The run has ended: {error}.")
    except TooLate as error:
        return problem(request, HTTPStatus.CONFLICT, str(error))


def _sign_in(request: PageRequest) -> HttpResponseBase:
    """A reload of a fragment must not swap the sign-in form into the page."""
    to_login = redirect_to_login(request.get_full_path() if request.method == "GET" else "/")
    return HttpResponseClientRedirect(to_login.url) if request.htmx else to_login
