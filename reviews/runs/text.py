"""Text from outside, made storable: PostgreSQL takes no NUL, UTF-8 no lone surrogate."""

from __future__ import annotations

import re
from typing import Any

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\ufffd"


def clean(value: Any) -> Any:
    """A copy of a JSON value in which each NUL and lone surrogate is U+FFFD, so that people see it was there."""
    match value:
        case str():
            return _UNSTORABLE.sub(REPLACEMENT, value)
        case list() | tuple():
            return [clean(item) for item in value]
        case dict():
            return {clean(str(key)): clean(item) for key, item in value.items()}
        case _:
            return value
