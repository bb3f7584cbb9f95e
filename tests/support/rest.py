"""The REST interface as a client sees it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from reviews.people.models import Account
from tests.support.people import People

BASE = "/api/v1"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def problem(self) -> str:
        """The stable name of the problem; fails on an answer that is none."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        assert self.json["status"] == self.status
        return str(self.json["type"].rsplit("/", 1)[-1])

    @property
    def pointers(self) -> list[str]:
        return [fault["pointer"] for fault in self.json["errors"]]


@dataclass
class Rest:
    client: Client
    people: People
    _bearers: dict[object, str] = field(default_factory=dict)

    def get(self, path: str, by: Account | str | None = None) -> Answer:
        return self.send("GET", path, by=by)

    def post(
        self, path: str, body: Any = None, by: Account | str | None = None, *, key: str | None = None
    ) -> Answer:
        """``body`` is a JSON value, or bytes that are sent as they are."""
        return self.send("POST", path, body, by=by, key=key)

    def delete(self, path: str, by: Account | str | None = None) -> Answer:
        return self.send("DELETE", path, by=by)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        by: Account | str | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        """``by``: an account (a token for all it may at home or where it owns), a bearer value, or nobody."""
        headers = {"Authorization": self._bearer(by)} if by is not None else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        response = self.client.generic(
            method, BASE + path, data, content_type="application/json", headers=headers
        )
        content = b"".join(response.streaming_content) if response.streaming else response.content  # type: ignore[attr-defined]
        return Answer(response.status_code, dict(response.items()), content)

    def _bearer(self, by: Account | str) -> str:
        if isinstance(by, str):
            return by
        if by.id not in self._bearers:
            workspace = self.people.abroad if by.name == "charlie" else self.people.home
            self._bearers[by.id] = self.people.bearer(by, workspace)
        return self._bearers[by.id]
