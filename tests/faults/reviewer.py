"""A person who works over REST, and asks again under the same key whenever a connection breaks."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import Any, Self

import httpx

from tests.support.processes import wait_until

Json = dict[str, Any]
PATIENCE = 180.0
"""Seconds; a loaded machine may need twenty for each process that comes back."""
FINAL = ("acted_on", "refused", "unread", "undeliverable", "undone")
"""Delivery states after which nothing more happens to a decision."""


def answer_to(question: Json, verdict: str = "approve", response: Any = None) -> Json:
    """The body of a decision."""
    return {"verdict": verdict, "response": response, "digest": question["digest"]}


class Reviewer:
    """Every call is repeated until it is answered; `broken` counts the connections that were lost meanwhile."""

    def __init__(self, web: str, token: str) -> None:
        self.token = token
        self._client = httpx.Client(
            base_url=f"{web}/api/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=20,
            limits=httpx.Limits(max_keepalive_connections=0),  # a kept connection of a killed web is no news
        )
        self._lock = threading.Lock()
        self.broken = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def send(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **parameters: Any
    ) -> httpx.Response:
        """The answer, whatever its status; AssertionError when none came within `PATIENCE`."""
        headers = {"Idempotency-Key": key} if key else {}
        # Not httpx's own JSON, which refuses infinities and lone surrogates.
        content = None if body is None else json.dumps(body)
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self._client.request(method, path, content=content, headers=headers, params=parameters)
            except httpx.TransportError as error:
                with self._lock:
                    self.broken += 1
                assert time.monotonic() < end, f"{method} {path} was not answered: {error!r}"
                time.sleep(0.2)

    def get(self, path: str, **parameters: Any) -> Any:
        answer = self.send("GET", path, **parameters)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    def start(self, agent: str, input: Json) -> Json:
        """A new run."""
        body = {"workspace": "demo", "agent": agent, "input": input}
        answer = self.send("POST", "/runs", body, key=str(uuid.uuid4()))
        assert answer.status_code == 201, answer.text
        run: Json = answer.json()
        return run

    def refund(self, customer: str, amount: float = 10.0, **more: Any) -> Json:
        """A run of ``refund``."""
        return self.start("refund", {"customer": customer, "amount": amount, "reason": "late"} | more)

    def question(self, run: Json, timeout: float = PATIENCE) -> Json:
        """What the run asks, as soon as it does."""

        def asked() -> Any:
            return self.get("/escalations", run=run["id"])["items"]

        question: Json = wait_until(asked, f"{run['workflow_id']} asks", timeout)[0]
        return question

    def answer(
        self, question: Json, verdict: str = "approve", response: Any = None, *, key: str | None = None
    ) -> httpx.Response:
        """POST a decision, whatever comes of it."""
        path = f"/escalations/{question['id']}/decisions"
        return self.send("POST", path, answer_to(question, verdict, response), key=key or str(uuid.uuid4()))

    def decide(self, question: Json, verdict: str = "approve", response: Any = None) -> Json:
        """A decision that was acknowledged."""
        answer = self.answer(question, verdict, response)
        assert answer.status_code == 201, answer.text
        decision: Json = answer.json()
        return decision

    def delivered(self, decision: Json, timeout: float = PATIENCE) -> Json:
        """The decision when nothing more will happen to it."""

        def ended() -> Json | None:
            seen: Json = self.get(f"/decisions/{decision['id']}")
            return seen if seen["delivery"]["state"] in FINAL else None

        return wait_until(ended, f"decision {decision['id']} is acted on", timeout) or {}

    def closed(self, run: Json, timeout: float = PATIENCE) -> Json:
        """The run when it has ended."""

        def ended() -> Json | None:
            seen: Json = self.get(f"/runs/{run['id']}")
            return seen if seen["closed_at"] else None

        return wait_until(ended, f"{run['workflow_id']} ends", timeout) or {}
