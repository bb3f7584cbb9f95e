"""Faults that the demo model is told to show, and what it counts."""

import math
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from workflows.llm.demo_prompt import Prompt

KINDS = (
    "rate_limit", "error", "slow", "malformed_json", "wrong_shape", "huge", "timeout", "refuse", "drop",
)  # fmt: skip
# How often a `[demo:word]` strikes one prompt before it is answered; None: always.
MAGIC_TIMES: dict[str, int | None] = {
    "rate_limit": 2, "error": 2, "malformed_json": 2, "drop": 2, "timeout": 1,
    "slow": None, "refuse": None, "fail": None,
}  # fmt: skip
LOGGED_CALLS = 500


@dataclass
class Fault:
    """One kind of trouble, for the next `times` calls whose prompt contains `match`.

    `retry_after` is in seconds, or the header's value as text (such as an HTTP date); `seconds` is how
    long `slow` waits; `status`, `code` and `message` shape an `error`.
    """

    kind: str
    times: int = 1
    match: str = ""
    retry_after: float | str = 1
    seconds: float = 5
    status: int = 500
    code: str | None = None
    message: str | None = None

    @classmethod
    def parse(cls, given: Any) -> "Fault":
        """Read the body of `POST /control/inject`; raise ValueError with what is wrong with it."""
        if not isinstance(given, dict) or given.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        unknown = given.keys() - cls.__dataclass_fields__.keys()
        if unknown:
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
        fault = cls(**{name: value for name, value in given.items() if value is not None})
        if not _is_count(fault.times):
            raise ValueError("times must be a whole number of at least 1")
        if not _is_seconds(fault.seconds):
            raise ValueError("seconds must be a number of at least 0")
        if not isinstance(fault.retry_after, str) and not _is_seconds(fault.retry_after):
            raise ValueError("retry_after must be seconds or a header value")
        if not _is_count(fault.status) or not 400 <= fault.status <= 599:
            raise ValueError("status must be between 400 and 599")
        if not all(isinstance(text, str) for text in (fault.match, fault.code or "", fault.message or "")):
            raise ValueError("match, code and message must be text")
        return fault

    @property
    def headers(self) -> dict[str, str]:
        """The headers that tell a client when to come back."""
        if self.kind != "rate_limit":
            return {}
        if isinstance(self.retry_after, str):
            return {"retry-after": self.retry_after}
        headers = {"retry-after": str(math.ceil(self.retry_after))}
        if self.retry_after != int(self.retry_after):
            headers["retry-after-ms"] = str(round(self.retry_after * 1000))
        return headers


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_seconds(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


class RateLimit:
    """A model that takes so many requests a minute, as evenly as those that count by the second. None: any."""

    def __init__(self, a_minute: float | None = None) -> None:
        self._a_second = a_minute / 60 if a_minute else None
        self._room, self._at = self._most, time.monotonic()

    @property
    def _most(self) -> float:
        return max(1.0, self._a_second or 0)

    def take(self) -> Fault | None:
        """Makes room for one request, or says when there will be some."""
        if self._a_second is None:
            return None
        now = time.monotonic()
        self._room = min(self._most, self._room + (now - self._at) * self._a_second)
        self._at = now
        if self._room < 1:
            missing = (1 - self._room) / self._a_second
            return Fault("rate_limit", retry_after=missing, message="Rate limit reached for requests.")
        self._room -= 1
        return None


class Faults:
    """What is injected, in order, and how often each prompt's magic word has struck."""

    def __init__(self) -> None:
        self.injected: list[Fault] = []
        self._magic_strikes: Counter[str] = Counter()

    def take(self, prompt: Prompt) -> Fault | None:
        """The fault for this call, used up once; None: answer as asked."""
        for fault in self.injected:
            if fault.match in prompt.text:
                fault.times -= 1
                if fault.times == 0:
                    self.injected.remove(fault)
                return fault
        return self._magic(prompt)

    def _magic(self, prompt: Prompt) -> Fault | None:
        word = prompt.magic
        if word not in MAGIC_TIMES:
            return None
        times = MAGIC_TIMES[word]
        if times is not None and self._magic_strikes[prompt.digest] >= times:
            # Forgotten once it passes, so that the same prompt can be played with again.
            del self._magic_strikes[prompt.digest]
            return None
        self._magic_strikes[prompt.digest] += 1
        return Fault(kind="error" if word == "fail" else word, match=f"[demo:{word}]")


@dataclass
class Call:
    """One call as the statistics show it. `outcome` is `in_flight`, `completed`, `abandoned` (the client
    left), `crashed` or the kind of the fault."""

    model: str
    prompt: str
    prompt_hash: str
    stream: bool
    match: str | None = None
    status: int | None = None
    outcome: str = "in_flight"
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())


class CallLog:
    """Counts calls. A call is completed when its whole answer was handed to the network."""

    def __init__(self) -> None:
        self.received = 0
        self.outcomes: Counter[str] = Counter()
        self.completed_by_prompt: Counter[str] = Counter()
        self.calls: deque[Call] = deque(maxlen=LOGGED_CALLS)

    def open(self, prompt: Prompt, fault: Fault | None) -> Call:
        """A call has arrived."""
        self.received += 1
        call = Call(
            model=prompt.body["model"],
            prompt=prompt.last_user[:200],
            prompt_hash=prompt.digest,
            stream=bool(prompt.body.get("stream")),
            match=fault.match if fault else None,
        )
        self.calls.append(call)
        return call

    def reject(self) -> None:
        """A call has arrived that is no chat completion request."""
        self.received += 1
        self.outcomes["invalid"] += 1

    def close(self, call: Call, outcome: str, status: int | None) -> None:
        """A call has ended."""
        call.outcome, call.status = outcome, status
        self.outcomes[outcome] += 1
        if outcome == "completed":
            self.completed_by_prompt[call.prompt_hash] += 1

    def stats(self) -> dict[str, Any]:
        """Everything counted so far, with the last 500 calls, oldest first."""
        ended = dict(self.outcomes)
        completed = ended.pop("completed", 0)
        return {
            "received": self.received,
            "completed": completed,
            "in_flight": self.received - completed - sum(ended.values()),
            "failed": ended,
            "repeated": completed - len(self.completed_by_prompt),
            "completed_by_prompt": dict(self.completed_by_prompt),
            "calls": [asdict(call) for call in self.calls],
        }
