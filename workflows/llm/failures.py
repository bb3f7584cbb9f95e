"""The one place that decides what a failed model call means to Temporal: its type, whether it is worth
another try, and after how long."""

import email.utils
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import httpx2
import openai
import pydantic
from temporalio.exceptions import ApplicationError

from workflows.llm.kinds import RETRYABLE, FailureType

__all__ = ["RETRYABLE", "FailureType", "as_failure", "retry_after"]

MOST_WORDS = 2_000
"""Characters of a failure's message, which may hold what a model said: it goes into the run's history."""
MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer `Retry-After` is cut to this, so that a faulty header cannot park a run for days."""


# Error codes of OpenAI's API and of those that imitate it; they say more than the HTTP status does.
TYPE_OF_CODE = {
    "context_length_exceeded": FailureType.CONTEXT_TOO_LONG,
    "string_above_max_length": FailureType.CONTEXT_TOO_LONG,
    "content_filter": FailureType.CONTENT_FILTERED,
    "content_policy_violation": FailureType.CONTENT_FILTERED,
    "insufficient_quota": FailureType.QUOTA_EXHAUSTED,
    "invalid_api_key": FailureType.AUTHENTICATION,
    "rate_limit_exceeded": FailureType.RATE_LIMITED,
    "server_error": FailureType.SERVER_ERROR,
}
TYPE_OF_STATUS = {
    400: FailureType.VALIDATION,
    401: FailureType.AUTHENTICATION,
    403: FailureType.AUTHENTICATION,
    408: FailureType.TIMEOUT,
    409: FailureType.SERVER_ERROR,
    422: FailureType.VALIDATION,
    429: FailureType.RATE_LIMITED,
}


class MalformedAnswer(Exception):
    """The model answered, but not with what was asked for; the message is the parser's."""


class ContentFiltered(Exception):
    """The model refused, or a filter withheld its answer; the message is the model's."""


class LostAnswer(Exception):
    """The stream ended before the answer was whole."""


def as_failure(error: Exception) -> ApplicationError:
    """What `error`, raised by a call of a model, means to Temporal.

    The single detail is `{"status": int or None, "code": str or None, "request_id": str or None}`. An
    exception that is no model failure keeps its class's name as type and stays retryable, as Temporal itself
    would have it.
    """
    if isinstance(error, ApplicationError):
        return error
    kind = _type_of(error)
    if kind is None:
        return ApplicationError(str(error), type=type(error).__name__)
    return ApplicationError(
        _message(error)[:MOST_WORDS],
        _detail(error),
        type=kind.value,
        non_retryable=kind not in RETRYABLE,
        next_retry_delay=retry_after(error) if kind in RETRYABLE else None,
    )


def _type_of(error: Exception) -> FailureType | None:
    match error:
        case openai.APITimeoutError() if lost := _lost_connection(error):
            return _type_of(lost)
        case openai.APITimeoutError() | TimeoutError() | httpx2.TimeoutException():
            return FailureType.TIMEOUT
        case openai.APIConnectionError(__cause__=MalformedAnswer()):
            return FailureType.MALFORMED_ANSWER
        case openai.APIConnectionError() | LostAnswer() | aiohttp.ClientError() | httpx2.RequestError():
            return FailureType.UNREACHABLE
        case (
            openai.APIResponseValidationError()
            | MalformedAnswer()
            | json.JSONDecodeError()
            | UnicodeDecodeError()
        ):
            return FailureType.MALFORMED_ANSWER
        case openai.APIStatusError():
            return _type_of_status(error)
        case openai.APIError():
            return _type_of_code(error) or FailureType.SERVER_ERROR
        case ContentFiltered() | openai.ContentFilterFinishReasonError():
            return FailureType.CONTENT_FILTERED
        case pydantic.ValidationError() | UnicodeEncodeError():
            return FailureType.VALIDATION
    return None


def _lost_connection(error: BaseException) -> aiohttp.ClientConnectionError | None:
    """Where there is one behind ``error``: the client's transport calls each a timeout."""
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, aiohttp.ClientConnectionError) and not isinstance(behind, TimeoutError):
            return behind
        behind = behind.__cause__
    return None


def _type_of_status(error: openai.APIStatusError) -> FailureType:
    if error.status_code >= 500:
        return FailureType.SERVER_ERROR
    by_status = TYPE_OF_STATUS.get(error.status_code, FailureType.REFUSED_REQUEST)
    return _type_of_code(error) or by_status


def _type_of_code(error: openai.APIError) -> FailureType | None:
    if "maximum context length" in error.message.lower():
        return FailureType.CONTEXT_TOO_LONG
    codes = [code for code in (error.code, error.type) if isinstance(code, str)]
    return next((TYPE_OF_CODE[code] for code in codes if code in TYPE_OF_CODE), None)


def _message(error: Exception) -> str:
    if lost := _lost_connection(error):
        return f"Connection error. ({lost!r})"
    if isinstance(error, openai.APIConnectionError) and error.__cause__ is not None:
        cause = error.__cause__
        return str(cause) if isinstance(cause, MalformedAnswer) else f"{error.message} ({cause!r})"
    if isinstance(error, TimeoutError):
        return str(error) or "The model did not answer in time."
    return str(error)


def _detail(error: Exception) -> dict[str, Any]:
    answered = error if isinstance(error, openai.APIStatusError) else None
    return {
        "status": answered.status_code if answered else None,
        "code": str(error.code)[:100] if isinstance(error, openai.APIError) and error.code else None,
        "request_id": answered.request_id if answered else None,
    }


def retry_after(error: Exception) -> timedelta | None:
    """How long the server asks to wait, at most an hour; None when it does not say, or says something odd."""
    if not isinstance(error, openai.APIStatusError):
        return None
    seconds = _seconds(error.response.headers)
    if seconds is None or not math.isfinite(seconds) or seconds <= 0:
        return None
    return timedelta(seconds=min(seconds, MAX_RETRY_AFTER.total_seconds()))


def _seconds(headers: Mapping[str, str]) -> float | None:
    """`retry-after-ms` (Azure, OpenAI), then `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
    try:
        date = email.utils.parsedate_to_datetime(headers["retry-after"])
    except (KeyError, ValueError):
        return None
    return (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
