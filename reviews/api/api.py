"""The REST interface, mounted under ``/api/v1/`` (docs/contract/README.md)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, re_path
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from reviews.api import (
    agents,
    controls,
    decisions,
    escalations,
    files,
    histories,
    openapi,
    present,
    runs,
    steering,
    timeouts,
    turns,
)
from reviews.api.access import Token
from reviews.api.bodies import message, pointer
from reviews.api.problems import Problem
from reviews.escalations.faults import (
    AlreadyDecided,
    NotYours,
    ProposalChanged,
    ProposalDiffers,
    TooLate,
    Withdrawn,
)
from reviews.escalations.proposal import InvalidProposal
from reviews.people.actions import IdempotencyKeyReused
from reviews.runs.actions import RunClosed
from reviews.runs.engine import EngineUnavailable, QueryFailed
from reviews.runs.faults import Fault, InvalidInput
from reviews.workspaces.access import Forbidden, NotFound

logger = logging.getLogger(__name__)

REFUSALS: dict[type[Exception], str] = {
    AuthenticationError: "unauthorized",
    Forbidden: "forbidden",
    NotYours: "not-yours",
    NotFound: "not-found",
    ProposalChanged: "proposal-changed",
    Withdrawn: "withdrawn",
    TooLate: "too-late",
    RunClosed: "run-closed",
    ProposalDiffers: "proposal-differs",
    IdempotencyKeyReused: "idempotency-key-reused",
    EngineUnavailable: "engine-unavailable",
    QueryFailed: "query-failed",
}
"""What the slices raise, by the name that clients see."""


class Api(NinjaAPI):
    """Every answer below its address is JSON, also where no view is reached."""

    def _get_urls(self) -> list[URLResolver | URLPattern]:
        patterns = [*super()._get_urls(), re_path(r"^[\s\S]*$", _nowhere, name="nowhere")]
        for pattern in patterns:
            if isinstance(pattern, URLPattern):
                pattern.callback = _in_problems(pattern.callback)
        return patterns

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        document = super().get_openapi_schema(**options)
        openapi.complete(document)
        return document


@csrf_exempt
def _nowhere(request: HttpRequest) -> HttpResponse:
    raise Http404


def _in_problems(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            response = view(request, *args, **kwargs)
        except Http404:
            return Problem("not-found").response()
        if response.status_code != 405:
            return response
        refusal = Problem("method-not-allowed").response()
        refusal["Allow"] = response["Allow"]
        return refusal

    return wrapped


def _refuse(request: HttpRequest, error: Exception, *, name: str) -> HttpResponse:
    detail = "" if isinstance(error, AuthenticationError) else str(error)
    return Problem(name, detail).response()


def _problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    return problem.response()


def _invalid_input(request: HttpRequest, error: InvalidInput) -> HttpResponse:
    return Problem("validation", faults=error.faults).response()


def _invalid_proposal(request: HttpRequest, error: InvalidProposal) -> HttpResponse:
    return Problem("invalid-proposal", str(error), faults=[Fault("", str(error))]).response()


def _invalid_parameters(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """A malformed id in the path is the id of nothing."""
    if any(fault["loc"][0] == "path" for fault in error.errors):
        return Problem("not-found").response()
    faults = [Fault(pointer(fault["loc"][-1:]), message(fault)) for fault in error.errors]
    return Problem("validation", faults=faults, place="query").response()


def _database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    """Also when every connection of the pool is taken for too long."""
    return _logged(request, error, Problem("database-unavailable").response(), "warning")


def _internal(request: HttpRequest, error: Exception) -> HttpResponse:
    """What no handler knows is a defect of ours: all of it for the log, none of it for the client."""
    got_request_exception.send(sender=Api, request=request)
    return _logged(request, error, Problem("internal").response(), "error")


def _logged(request: HttpRequest, error: Exception, response: HttpResponse, level: str) -> HttpResponse:
    """As Django logs what a view raises, which these no longer are for it."""
    log_response(
        "%s: %s",
        response.reason_phrase,
        request.path,
        response=response,
        request=request,
        logger=logger,
        level=level,
        exception=error,
    )
    return response


api = Api(
    title="Agentsite",
    version="1",
    description="Where people meet AI agents that run as Temporal workflows. Errors are RFC 9457 problem details.",
    docs_url=None,
    auth=Token(),
)
for module in (
    agents, runs, controls, steering, present, histories, turns, escalations, decisions, files, timeouts,
):  # fmt: skip
    api.add_router("", module.router)
for error, name in REFUSALS.items():
    api.add_exception_handler(error, partial(_refuse, name=name))
api.exception_handler(AlreadyDecided)(decisions.already_decided)
api.exception_handler(Problem)(_problem)
api.exception_handler(InvalidInput)(_invalid_input)
api.exception_handler(InvalidProposal)(_invalid_proposal)
api.exception_handler(ValidationError)(_invalid_parameters)
api.exception_handler(OperationalError)(_database_away)
api.exception_handler(InterfaceError)(_database_away)
api.exception_handler(Exception)(_internal)
