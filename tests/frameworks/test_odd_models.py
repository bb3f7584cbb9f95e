"""A model that calls a tool with nonsense, over and over: the run fails and says so, whatever the framework."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from temporalio.client import WorkflowFailureError

from tests.frameworks.conftest import Serving, Start
from tests.workflows.world import World

NONSENSE = {
    "id": "call_1",
    "type": "function",
    "function": {"name": "issue_refund", "arguments": '{"amount": "all of it"}'},
}


class OddModel(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        message = {"role": "assistant", "content": None, "tool_calls": [NONSENSE]}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "odd", "choices": [choice]}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *values: object) -> None:
        pass


@pytest.fixture
def odd_model(demo: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), OddModel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_port}/v1")
    yield
    server.shutdown()
    server.server_close()


async def test_nonsense_ends_the_run_and_asks_nobody(
    world: World, serving: Serving, start: Start, odd_model: None
) -> None:
    async with serving():
        handle = await start("Refund order A-1002.")
        with pytest.raises(WorkflowFailureError) as failed:
            await handle.result()
    assert type(failed.value.cause).__name__ == "ApplicationError", failed.value.cause
    assert await world.questions(handle) == []
