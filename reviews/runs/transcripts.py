"""The whole of a large model call, kept in storage: its row holds the beginnings, and the place.

Storage that is full or away costs no call anything: it is said in the log, and the beginnings stay.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from reviews.runs.models import ModelCall

logger = logging.getLogger(__name__)

LARGE = 64_000
"""Bytes of messages and answer as JSON, from which on a row keeps their beginnings only."""
MESSAGE = 1_500
ANSWER = 15_000
"""Characters of a message's and of the answer's beginning."""
MESSAGES = 20
"""A conversation's beginnings are those of its first message and of the last ones."""
REST = 30.0
"""Seconds for which storage that failed is left alone: what else is to be recorded waits behind each try."""

_resting_until = 0.0


class Gone(Exception):
    """Storage does not answer, or no longer has it."""


def without_bulk(id: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a model call as its row keeps them; what is too large for it goes to storage."""
    messages, answer = fields["messages"], fields["answer"]
    whole = json.dumps({"messages": messages, "answer": answer}, default=str).encode()
    if len(whole) <= LARGE:
        return fields
    shown = messages if len(messages) <= MESSAGES else [messages[0], *messages[1 - MESSAGES :]]
    return fields | {
        "messages": [_beginning(message) for message in shown],
        "answer": answer[:ANSWER],
        "whole_bytes": len(whole),
        "whole_at": _keep(f"model-calls/{id[:2]}/{id}.json", whole),
    }


def _beginning(message: dict[str, Any]) -> dict[str, Any]:
    return {"role": str(message.get("role", ""))[:40], "content": _words(message)[:MESSAGE]}


def _words(message: dict[str, Any]) -> str:
    """What is neither text nor words in a list, as a call of a tool, is said in JSON."""
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value}
    said = content if isinstance(content, str) else json.dumps(content, default=str) if content else ""
    return "\n".join(filter(None, [said, json.dumps(rest, default=str) if rest else ""]))


def _keep(place: str, whole: bytes) -> str:
    """Answers the place, the same for the same call; empty where storage would not take it."""
    global _resting_until
    if time.monotonic() < _resting_until:
        return ""
    try:
        if default_storage.exists(place):
            return place
        return default_storage.save(place, ContentFile(whole))
    except Exception as error:  # noqa: BLE001 (each kind of storage has errors of its own)
        logger.error("Only the beginnings of a model call are kept: storage failed (%s)", error)
        _resting_until = time.monotonic() + REST
        _remove_half(place)
        return ""


def _remove_half(place: str) -> None:
    """What was written when the disk was full."""
    try:
        default_storage.delete(place)
    except Exception as error:  # noqa: BLE001
        logger.error("The half of a model call may be left at %s: %s", place, error)


def remove(places: Iterable[str]) -> None:
    """Raises what storage raises; what is gone already is no fault."""
    for place in places:
        default_storage.delete(place)


def whole_of(call: ModelCall) -> Iterator[tuple[str, str]]:
    """Role and words of each message, then of the answer. Raises :class:`Gone`."""
    messages, answer = call.messages, call.answer
    if call.whole_at:
        try:
            with default_storage.open(call.whole_at, "rb") as file:
                kept = json.load(file)
        except Exception as error:
            raise Gone(str(error)) from error
        messages, answer = kept["messages"], kept["answer"]
    for message in messages:
        yield str(message.get("role", "message")), _words(message)
    if answer:
        yield "answer", answer
