"""Reading JSON bodies from outside: hostile text becomes a problem with pointers, never an error of ours."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, TypeVar

import pydantic
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from pydantic import BaseModel

from reviews.api.problems import Problem
from reviews.runs.faults import Fault
from reviews.runs.text import clean

DEEPEST = 100
"""Levels of nesting that a body may have: far above any form, far below the interpreter's stack."""

Body = TypeVar("Body", bound=BaseModel)


def read_object(request: HttpRequest) -> dict[str, Any]:
    """The body as a JSON object, NUL and lone surrogates replaced. Raises :class:`Problem`."""
    value = _parsed(_text(request))
    if faults := list(_unusable(value)):
        raise Problem("validation", faults=faults)
    if not isinstance(value, dict):
        raise Problem("validation", faults=[Fault("", "The body must be a JSON object.")])
    cleaned: dict[str, Any] = clean(value)
    return cleaned


def checked(value: dict[str, Any], model: type[Body]) -> Body:
    """``value`` as a ``model``. Raises :class:`Problem` with every fault."""
    try:
        return model.model_validate(value, strict=True)
    except pydantic.ValidationError as error:
        faults = [Fault(pointer(fault["loc"]), message(fault)) for fault in error.errors(include_url=False)]
        raise Problem("validation", faults=faults) from error


def read(request: HttpRequest, model: type[Body]) -> Body:
    """The body as a ``model``. Raises :class:`Problem`."""
    return checked(read_object(request), model)


def pointer(parts: tuple[int | str, ...]) -> str:
    """RFC 6901."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def message(fault: Any) -> str:
    """Pydantic's fault in the words that the forms use too."""
    match fault["type"]:
        case "missing":
            return "This is needed."
        case "extra_forbidden":
            return "This does not belong here."
        case _:
            return f"{fault['msg']}."


def _text(request: HttpRequest) -> str:
    try:
        data = request.body
    except RequestDataTooBig as error:
        raise Problem("too-large") from error
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if (
        limit is not None and len(data) > limit
    ):  # Django trusts Content-Length, which a chunked request has not
        raise Problem("too-large")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Problem(
            "validation", faults=[Fault("", f"The body is not UTF-8 at byte {error.start}.")]
        ) from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise Problem("validation", faults=[Fault("", "The body is nested too deeply.")]) from error
    except ValueError as error:
        raise Problem("validation", faults=[Fault("", f"The body is not JSON: {error}")]) from error


def _unusable(value: Any, at: tuple[int | str, ...] = ()) -> Iterator[Fault]:
    """Numbers that JSON cannot carry (Python's parser takes NaN), and nesting past :data:`DEEPEST`."""
    if len(at) > DEEPEST:
        yield Fault(pointer(at), f"At most {DEEPEST} levels of nesting.")
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from _unusable(item, (*at, clean(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unusable(item, (*at, index))
    elif isinstance(value, int | float) and not _is_finite(value):
        yield Fault(pointer(at), "This number is not finite.")


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(number)
    except OverflowError:
        return False
