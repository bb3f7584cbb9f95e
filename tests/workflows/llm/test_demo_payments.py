"""The demo payments endpoint pays once for each key, whatever happens around it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from .conftest import Demo


def inject(demo: Demo, **fault: Any) -> int:
    return demo.http.post(f"{demo.payments_url}/control", json=fault).status_code


def test_a_payment_is_made(demo: Demo) -> None:
    response = demo.pay("decision-1")

    assert response.status_code == 201
    assert "idempotent-replayed" not in response.headers
    [item] = demo.payments()["items"]
    assert item == response.json()
    assert (item["idempotency_key"], item["customer"], item["amount"]) == ("decision-1", "Alice", 12.5)
    assert (item["reason"], item["calls"]) == ("late parcel", 1)


def test_the_same_again_is_the_same_payment(demo: Demo) -> None:
    first, again = demo.pay(), demo.pay()

    assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true")
    assert again.json()["id"] == first.json()["id"]
    payments = demo.payments()
    assert (len(payments["items"]), payments["calls"], payments["repeats"]) == (1, 2, 1)
    assert payments["items"][0]["calls"] == 2


def test_the_same_key_with_another_body_is_refused(demo: Demo) -> None:
    demo.pay(amount=10)

    assert demo.pay(amount=11).status_code == 422
    assert demo.pay(amount=10.0).status_code == 200
    assert [item["amount"] for item in demo.payments()["items"]] == [10]


def test_twenty_at_once_with_one_key_are_one_payment(demo: Demo) -> None:
    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(response.status_code for response in pool.map(lambda _: demo.pay(), range(20)))

    assert statuses == [200] * 19 + [201]
    assert len(demo.payments()["items"]) == 1


def test_a_payment_without_key_is_refused(demo: Demo) -> None:
    assert demo.pay(key=None).status_code == 400
    assert demo.payments()["items"] == []


@pytest.mark.parametrize(
    "order",
    [
        {"amount": 0},
        {"amount": -1},
        {"amount": "5"},
        {"amount": True},
        {"customer": ""},
        {"customer": None},
        {"reason": 3},
    ],
)
def test_what_is_no_order_is_refused(demo: Demo, order: dict[str, Any]) -> None:
    assert demo.pay(**order).status_code == 422
    assert demo.payments()["items"] == []


def test_an_injected_error_pays_nothing(demo: Demo) -> None:
    inject(demo, status=500, times=2)

    assert [demo.pay().status_code for _ in range(3)] == [500, 500, 201]
    assert demo.payments()["calls"] == 3


def test_a_lost_answer_leaves_the_payment_made(demo: Demo) -> None:
    inject(demo, status=503, when="after")

    assert demo.pay().status_code == 503
    assert demo.pay().headers["idempotent-replayed"] == "true"
    assert len(demo.payments()["items"]) == 1


@pytest.mark.parametrize(
    "fault", [{"status": 200}, {"seconds": -1}, {"times": 0}, {"when": "never"}, {"speed": 1}]
)
def test_a_fault_that_is_none_is_refused(demo: Demo, fault: dict[str, Any]) -> None:
    assert inject(demo, **fault) == 422


def test_payments_survive_a_kill(start_demo: Callable[..., Demo], tmp_path: Path) -> None:
    ledger = tmp_path / "payments.jsonl"
    before = start_demo("--ledger", str(ledger))
    paid = [before.pay(f"key-{n}", amount=n + 1).json() for n in range(3)]

    before.process.kill()
    before.process.wait()
    with ledger.open("ab") as file:
        file.write(b'{"idempotency_key": "torn')
    after = start_demo("--ledger", str(ledger))

    assert after.payments()["items"] == paid
    assert after.pay("key-1", amount=2).headers["idempotent-replayed"] == "true"
    assert after.pay("key-3").status_code == 201
    after.process.kill()
    after.process.wait()
    assert len(start_demo("--ledger", str(ledger)).payments()["items"]) == 4


def test_a_reset_forgets_the_ledger_too(start_demo: Callable[..., Demo], tmp_path: Path) -> None:
    ledger = tmp_path / "payments.jsonl"
    demo = start_demo("--ledger", str(ledger))
    demo.pay()

    inject(demo, reset=True)

    assert demo.payments() == {"items": [], "calls": 0, "repeats": 0}
    assert ledger.read_bytes() == b""
