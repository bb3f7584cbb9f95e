"""Which runs somebody wants to see: what the runs page and REST filter by."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q

from reviews.runs.models import RunQuerySet

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,15})?", re.ASCII)


@dataclass(frozen=True)
class RunFilter:
    """``text`` are words, or beginnings of words, of title and workflow id; ``attributes`` are ``key=value`` each.

    ``id`` is a run's own id, or either of Temporal's names for it. What is left as it is here filters nothing.
    """

    statuses: tuple[str, ...] = ()
    agent: str = ""
    type: str = ""
    waiting: bool | None = None
    after: datetime | None = None
    before: datetime | None = None
    text: str = ""
    attributes: tuple[str, ...] = ()
    id: str = ""
    parent: uuid.UUID | None = None

    @property
    def looks_inside(self) -> bool:
        """Whether an inverted index finds the rows, which knows no order."""
        return bool(self.text or self.attributes)

    def apply(self, runs: RunQuerySet) -> RunQuerySet:
        if self.statuses:
            runs = runs.filter(status__in=self.statuses)
        if self.agent:
            runs = runs.filter(agent=self.agent)
        if self.type:
            runs = runs.filter(workflow_type=self.type)
        if self.waiting is not None:
            runs = runs.filter(waiting_for_human=self.waiting)
        if self.after:
            runs = runs.filter(created_at__gte=self.after)
        if self.before:
            runs = runs.filter(created_at__lt=self.before)
        if self.parent:
            runs = runs.filter(parent=self.parent)
        if self.id:
            runs = runs.filter(_named(self.id))
        return self._inside(runs)

    def _inside(self, runs: RunQuerySet) -> RunQuerySet:
        for attribute in self.attributes:
            runs = runs.filter(_with_attribute(attribute))
        if self.text:
            # Word for word the expression of the index `run_text`.
            found = runs.alias(words=SearchVector("title", "workflow_id", config="simple"))
            runs = found.filter(words=SearchQuery(_words(self.text), config="simple", search_type="raw"))
        return runs


def _named(id: str) -> Q:
    try:
        return Q(id=uuid.UUID(id)) | Q(run_id=str(uuid.UUID(id)))
    except ValueError:
        return Q(workflow_id=id)


def _words(text: str) -> str:
    """In the language of tsquery: all of the words, each as a beginning.

    A word with signs in it is meant as it stands, or as its parts: of ``refund-12`` PostgreSQL makes the number
    -12, and of ``refund-12ab`` two words.
    """
    return " & ".join(_word(word) for word in text.split())


def _word(word: str) -> str:
    parts = re.findall(r"[^\W_]+", word) or [word]
    ways = dict.fromkeys([_begins(word), " & ".join(_begins(part) for part in parts)])
    return "(" + " | ".join(f"({way})" for way in ways) + ")"


def _begins(word: str) -> str:
    quoted = word.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}':*"


def _with_attribute(attribute: str) -> Q:
    """``key=value``: the value as it stands, or as the number, truth value or list of keywords that it looks like."""
    key, _, text = attribute.partition("=")
    wanted = Q()
    for value in _readings(text.strip()):
        wanted |= Q(search_attributes__contains={key.strip(): value})
    return wanted


def _readings(text: str) -> list[Any]:
    if len(text) > 1 and text[0] == text[-1] == '"':
        return [text[1:-1], [text[1:-1]]]
    if text.lower() in ("true", "false"):
        return [text.lower() == "true", text]
    if _NUMBER.fullmatch(text):
        return [json.loads(text), text, [text]]
    several = [part.strip() for part in text.strip("[]").split(",")]
    return [text, [text], several] if len(several) > 1 else [text, several]
