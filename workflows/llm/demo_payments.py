"""The demo payments endpoint: pays once for each idempotency key, and remembers in a ledger."""

import asyncio
import json
import math
import os
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class BadOrder(ValueError):
    """The body of a request is not an order; the message says why."""


@dataclass
class Payment:
    """One payment; `calls` counts the requests that asked for it, the first included."""

    idempotency_key: str
    customer: str
    amount: float
    reason: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    created_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat())
    calls: int = 1

    def asks_the_same(self, order: dict[str, Any]) -> bool:
        return (self.customer, self.amount, self.reason) == (
            order["customer"],
            order["amount"],
            order["reason"],
        )


@dataclass
class PaymentFault:
    """Trouble for the next `times` calls: `seconds` of silence, then `status` in place of the answer.

    `when` is `before` the payment is made, or `after` it, when only the answer is lost.
    """

    status: int | None = None
    seconds: float = 0
    times: int = 1
    when: str = "before"

    @classmethod
    def parse(cls, given: Any) -> "PaymentFault":
        """Read the body of `POST /payments/control`; raise ValueError with what is wrong with it."""
        if not isinstance(given, dict) or given.keys() - cls.__dataclass_fields__.keys():
            raise ValueError(f"expected an object of {', '.join(cls.__dataclass_fields__)}, or reset")
        fault = cls(**given)
        if fault.status is not None and not (isinstance(fault.status, int) and 400 <= fault.status <= 599):
            raise ValueError("status must be between 400 and 599")
        if not _is_amount(fault.seconds) or fault.seconds < 0:
            raise ValueError("seconds must be a number of at least 0")
        if not isinstance(fault.times, int) or fault.times < 1:
            raise ValueError("times must be a whole number of at least 1")
        if fault.when not in ("before", "after"):
            raise ValueError("when must be before or after")
        return fault


class Ledger:
    """Payments by idempotency key, kept in a JSONL file when one is given."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.payments: dict[str, Payment] = {}
        if path is not None and path.exists():
            self._reload(path)

    def _reload(self, path: Path) -> None:
        content = path.read_bytes()
        # A line without its end was torn by a crash before anybody was told of that payment.
        whole = content[: content.rfind(b"\n") + 1]
        if whole != content:
            os.truncate(path, len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                payment = Payment(**json.loads(line))
            except (ValueError, TypeError) as error:
                raise ValueError(f"{path}, line {number}, is not a payment: {error}") from error
            self.payments[payment.idempotency_key] = payment

    def add(self, payment: Payment) -> None:
        """Keep a payment; on disk before this returns."""
        if self.path is not None:
            with self.path.open("ab") as file:
                file.write(json.dumps(asdict(payment)).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        self.payments[payment.idempotency_key] = payment

    def clear(self) -> None:
        """Forget every payment, on disk too."""
        self.payments.clear()
        if self.path is not None and self.path.exists():
            os.truncate(self.path, 0)


class DemoPayments:
    """The routes under `/payments`."""

    def __init__(self, ledger: Path | None = None) -> None:
        self.ledger = Ledger(ledger)
        self.faults: list[PaymentFault] = []
        self.calls = 0

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/payments", self.pay, methods=["POST"]),
            Route("/payments", self.list, methods=["GET"]),
            Route("/payments/control", self.control, methods=["POST"]),
        ]

    async def pay(self, request: Request) -> JSONResponse:
        self.calls += 1
        key = request.headers.get("idempotency-key", "")
        if not key:
            return JSONResponse({"error": "the header Idempotency-Key is required"}, 400)
        try:
            order = _order(await request.body())
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        fault = self._take_fault()
        if fault and fault.when == "before" and (refusal := await _show(fault)):
            return refusal
        answer = self._settle(key, order)
        if fault and fault.when == "after" and (refusal := await _show(fault)):
            return refusal
        return answer

    def _settle(self, key: str, order: dict[str, Any]) -> JSONResponse:
        """Without an await, so that two calls with one key cannot both pay."""
        known = self.ledger.payments.get(key)
        if known is None:
            payment = Payment(idempotency_key=key, **order)
            self.ledger.add(payment)
            return JSONResponse(asdict(payment), 201)
        if not known.asks_the_same(order):
            return JSONResponse({"error": "this Idempotency-Key was used for another payment"}, 422)
        known.calls += 1
        return JSONResponse(asdict(known), 200, {"idempotent-replayed": "true"})

    def _take_fault(self) -> PaymentFault | None:
        if not self.faults:
            return None
        fault = self.faults[0]
        fault.times -= 1
        if fault.times == 0:
            self.faults.pop(0)
        return fault

    async def list(self, request: Request) -> JSONResponse:
        items = [asdict(payment) for payment in self.ledger.payments.values()]
        repeats = sum(payment.calls - 1 for payment in self.ledger.payments.values())
        return JSONResponse({"items": items, "calls": self.calls, "repeats": repeats})

    async def control(self, request: Request) -> JSONResponse:
        try:
            given = json.loads(await request.body())
            if given == {"reset": True}:
                self._forget()
            else:
                self.faults.append(PaymentFault.parse(given))
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 422)
        return JSONResponse({"injected": len(self.faults)}, 201)

    def _forget(self) -> None:
        self.ledger.clear()
        self.faults.clear()
        self.calls = 0


async def _show(fault: PaymentFault) -> JSONResponse | None:
    await asyncio.sleep(fault.seconds)
    return JSONResponse({"error": f"told to answer {fault.status}"}, fault.status) if fault.status else None


def _order(raw: bytes) -> dict[str, Any]:
    """The customer, amount and reason of a request; raise ValueError (BadOrder) for any other body."""
    given = json.loads(raw)
    if not isinstance(given, dict):
        raise BadOrder("expected an object")
    for name in ("customer", "reason"):
        if not isinstance(given.get(name), str):
            raise BadOrder(f"{name} must be text")
    if not given["customer"]:
        raise BadOrder("customer must not be empty")
    if not _is_amount(given.get("amount")) or given["amount"] <= 0:
        raise BadOrder("amount must be a number above 0")
    return {name: given[name] for name in ("customer", "amount", "reason")}


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
