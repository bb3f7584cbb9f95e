"""The demo model's and the demo payments' own counters: they stand outside of what is struck.

Only the demo's can be asked what came, and only the demo's may be played with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from agentsite.drills.site import CannotDrill, RunningSite

PATIENCE = 5.0
NO_MODEL = "This drill compares with the demo model's own counter; this site uses another model."
NO_PAYMENTS = "This drill pays a refund; it does so at the demo endpoint only, and this site has another one."


@dataclass
class DemoModel:
    """Its calls whose prompt holds ``token``, each as it was seen last, in the order in which they came.

    The counter keeps the last calls only, so they are gathered each time that somebody looks.
    """

    address: str
    token: str
    _calls: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    _answers: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, site: RunningSite, token: str) -> DemoModel:
        """Raises :class:`CannotDrill` where the site's model is somebody's own."""
        address = f"http://127.0.0.1:{site.home.ports()['model']}"
        if site.endpoints["model"] != f"{address}/v1":
            raise CannotDrill(NO_MODEL)
        return cls(address, token)

    def slow_down(self, seconds: float, *, calls: int) -> None:
        """So many more of its calls are answered so much later; what was asked for before comes first."""
        fault = {"kind": "slow", "seconds": seconds, "times": calls, "match": self.token}
        _send("POST", f"{self.address}/control/inject", json=fault)

    def look(self) -> None:
        stats = _send("GET", f"{self.address}/control/stats")
        own = [call for call in stats["calls"] if self.token in call["prompt"]]
        self._calls |= {(call["at"], call["prompt_hash"]): call for call in own}
        self._answers = stats["completed_by_prompt"]

    @property
    def prompts(self) -> list[str]:
        """Each once, in the order in which they came first."""
        return list(dict.fromkeys(prompt for _, prompt in self._calls))

    def asked(self, prompt: str) -> int:
        return sum(1 for _, called in self._calls if called == prompt)

    def answered(self, prompt: str) -> int:
        """How many whole answers were sent."""
        return self._answers.get(prompt, 0)

    def is_answering(self, prompt: str) -> bool:
        outcomes = (call["outcome"] for (_, called), call in self._calls.items() if called == prompt)
        return "in_flight" in outcomes


@dataclass(frozen=True)
class DemoPayments:
    """The ledger of the demo payments endpoint."""

    address: str

    @classmethod
    def of(cls, site: RunningSite) -> DemoPayments:
        """Raises :class:`CannotDrill` where refunds are paid elsewhere."""
        address = f"http://127.0.0.1:{site.home.ports()['payments']}/payments"
        if site.endpoints["payments"] != address:
            raise CannotDrill(NO_PAYMENTS)
        return cls(address)

    def to(self, customer: str) -> list[dict[str, Any]]:
        """``{idempotency_key, customer, amount, …}`` of each payment."""
        items = _send("GET", self.address)["items"]
        return [paid for paid in items if paid["customer"] == customer]


def _send(method: str, url: str, json: Any = None) -> Any:
    """Raises :class:`CannotDrill` when it does not answer."""
    try:
        with httpx.Client(timeout=PATIENCE, trust_env=False) as client:
            return client.request(method, url, json=json).raise_for_status().json()
    except httpx.HTTPError as error:
        raise CannotDrill(f"The demo endpoint at {url} does not answer: {error}") from error
