"""Forms that may be sent twice: each carries a random ``attempt``, and a repeat is answered like the first."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections import Counter
from collections.abc import Callable

from django.db import transaction

from reviews.pages.edge import PageRequest
from reviews.people import actions as people

FIELD = "attempt"
_ATTEMPT = re.compile(r"[\w-]{16,100}", re.ASCII)


def new_attempt() -> str:
    """For the hidden field of a form that is shown now."""
    return secrets.token_urlsafe(18)


def once(request: PageRequest, effect: Callable[[], str]) -> str:
    """Where ``effect`` led when this form came first; its writes and the memory of it are one transaction.

    Raises :class:`~reviews.people.actions.IdempotencyKeyReused` when the form comes again with other values,
    as after the browser's back button.
    """
    with transaction.atomic():
        row = people.remember(request.viewer.account, _key(request), _fingerprint(request))
        if row.answer is None:
            people.answer_with(row, {"location": effect()})
        location: str = (row.answer or {})["location"]
        return location


def once_each(request: PageRequest, subjects: list[str], effect: Callable[[str], str]) -> Counter[str]:
    """The outcomes of ``effect`` on each subject, each in a transaction of its own, done once however often sent.

    A repeat meets the same subjects, also where a filter would find others by now; what a crash left out is done
    then. Raises :class:`~reviews.people.actions.IdempotencyKeyReused` as :func:`once` does.
    """
    account, key, fingerprint = request.viewer.account, _key(request), _fingerprint(request)
    with transaction.atomic():
        row = people.remember(account, key, fingerprint)
        if row.answer is None:
            people.answer_with(row, {"subjects": subjects})
    outcomes: Counter[str] = Counter()
    for subject in (row.answer or {})["subjects"]:
        with transaction.atomic():
            one = people.remember(account, f"{key}:{subject}", fingerprint)
            if one.answer is None:
                people.answer_with(one, {"outcome": effect(subject)})
        outcomes[(one.answer or {})["outcome"]] += 1
    return outcomes


def _key(request: PageRequest) -> str:
    attempt = request.POST.get(FIELD, "")
    return f"page:{attempt if _ATTEMPT.fullmatch(attempt) else new_attempt()}"


def _fingerprint(request: PageRequest) -> str:
    values = {name: request.POST.getlist(name) for name in request.POST if name != "csrfmiddlewaretoken"}
    return hashlib.sha256(json.dumps([request.path, values], sort_keys=True).encode()).hexdigest()
