"""``pay_refund`` against endpoints that answer otherwise than the demo's: over real HTTP, one answer each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from workflows.activities.refund import pay_refund
from workflows.stubs.refund import Payment

LARGE = b'{"id": "' + b"x" * 100_000 + b'"}'
PAYMENT = Payment({"customer": "Dora", "amount": 42.5, "reason": "late parcel"}, "key-1")


@asynccontextmanager
async def endpoint(answer: bytes) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"}")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1") as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def response(status: str, body: bytes = b"", *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode() + body


@pytest.fixture
def pay(monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], Any]:
    async def paid(answer: bytes) -> Any:
        async with endpoint(answer) as url:
            monkeypatch.setenv("PAYMENTS_URL", url)
            return await ActivityEnvironment().run(pay_refund, PAYMENT)

    return paid


@pytest.mark.parametrize(
    ("answer", "receipt"),
    [
        (response("200 OK", b'{"id": "p-1"}'), {"id": "p-1"}),
        (response("204 No Content"), {"status": 204, "text": ""}),
        (response("200 OK"), {"status": 200, "text": ""}),
        (response("200 OK", b"ok"), {"status": 200, "text": "ok"}),
        (response("202 Accepted", b'["p-1"]'), {"status": 202, "text": '["p-1"]'}),
        (response("200 OK", b"null"), {"status": 200, "text": "null"}),
        (response("200 OK", b"y" * 600), {"status": 200, "text": "y" * 500}),
        (response("200 OK", b"\xff\xfe\xfa"), {"status": 200, "text": "\ufffd\ufffd\ufffd"}),
        (response("200 OK", b"[" * 100_000), {"status": 200, "text": "[" * 500}),
        (response("200 OK", LARGE), {"status": 200, "text": LARGE[:500].decode()}),
    ],
    ids=["object", "no content", "empty", "word", "list", "null", "long", "binary", "deep", "large"],
)
async def test_any_2xx_is_paid(pay: Callable[[bytes], Any], answer: bytes, receipt: dict[str, Any]) -> None:
    assert await pay(answer) == receipt


@pytest.mark.parametrize("status", ["301 Moved Permanently", "307 Temporary Redirect", "304 Not Modified"])
async def test_a_redirect_is_refused_for_good(pay: Callable[[bytes], Any], status: str) -> None:
    with pytest.raises(ApplicationError) as failed:
        await pay(response(status, b"", "Location: /elsewhere"))
    assert (failed.value.type, failed.value.non_retryable) == ("PaymentRefused", True)


@pytest.mark.parametrize("status", ["500 Oops", "429 Too Many Requests"])
async def test_what_is_worth_another_try_is_no_refusal(pay: Callable[[bytes], Any], status: str) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        await pay(response(status))
