"""The kinds of failure of a model call. Apart from what tells them, so that a workflow may know them."""

from enum import StrEnum


class FailureType(StrEnum):
    """The `type` of the ApplicationError that a failed model call becomes."""

    RATE_LIMITED = "RateLimited"
    TIMEOUT = "ModelTimeout"
    UNREACHABLE = "ModelUnreachable"
    SERVER_ERROR = "ModelServerError"
    MALFORMED_ANSWER = "MalformedAnswer"
    VALIDATION = "ValidationError"
    REFUSED_REQUEST = "ModelRefusedRequest"
    AUTHENTICATION = "ModelAuthentication"
    QUOTA_EXHAUSTED = "QuotaExhausted"
    CONTENT_FILTERED = "ContentFiltered"
    CONTEXT_TOO_LONG = "ContextTooLong"


RETRYABLE = frozenset(
    {
        FailureType.RATE_LIMITED,
        FailureType.TIMEOUT,
        FailureType.UNREACHABLE,
        FailureType.SERVER_ERROR,
        FailureType.MALFORMED_ANSWER,
    }
)
