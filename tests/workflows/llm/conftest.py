"""The real demo process, on free ports, told over HTTP what to do."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.responses import Response

from workflows.llm.calls import ModelCall, call_recorder
from workflows.llm.client import close_clients

from .poisoned import Poisoned

ROOT = Path(__file__).parents[3]


class Demo:
    """A running demo process and the base URLs that it printed."""

    def __init__(self, *options: str) -> None:
        command = [sys.executable, "-m", "workflows.llm.demo", "--model-port", "0", "--payments-port", "0"]
        self.process = subprocess.Popen([*command, *options], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        words = self.process.stdout.readline().replace(",", "").split()
        self.base_url, self.payments_url = (word for word in words if word.startswith("http"))
        self.http = httpx.Client(
            trust_env=False,
            timeout=10,
            # A kept connection may be closed by the other side just as it is used again.
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    def control(self, what: str, **body: Any) -> httpx.Response:
        return self.http.post(self.base_url.replace("/v1", f"/control/{what}"), json=body)

    def inject(self, kind: str, **fault: Any) -> None:
        self.control("inject", kind=kind, **fault).raise_for_status()

    def stats(self) -> dict[str, Any]:
        return dict(self.http.get(self.base_url.replace("/v1", "/control/stats")).json())

    def ask(self, content: str, **request: Any) -> dict[str, Any]:
        body = {"model": "demo-model", "messages": [{"role": "user", "content": content}], **request}
        response = self.http.post(f"{self.base_url}/chat/completions", json=body)
        return dict(response.raise_for_status().json())

    def pay(self, key: str | None = "key-1", **order: Any) -> httpx.Response:
        body = {"customer": "Alice", "amount": 12.5, "reason": "late parcel"} | order
        return self.http.post(self.payments_url, json=body, headers={"idempotency-key": key} if key else {})

    def payments(self) -> dict[str, Any]:
        return dict(self.http.get(self.payments_url).json())

    def stop(self) -> None:
        self.http.close()
        self.process.terminate()
        self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def start_demo() -> Iterator[Callable[..., Demo]]:
    """Start demo processes of the test's own, with the options given."""
    started: list[Demo] = []

    def start(*options: str) -> Demo:
        started.append(Demo(*options))
        return started[-1]

    yield start
    for demo in started:
        demo.stop()


@pytest.fixture(scope="session")
def shared_demo() -> Iterator[Demo]:
    demo = Demo("--latency", "0")
    yield demo
    demo.stop()


@pytest.fixture
def demo(shared_demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Demo:
    """A demo model that answers at once, with nothing injected or counted, named by the environment."""
    shared_demo.control("reset").raise_for_status()
    shared_demo.http.post(f"{shared_demo.payments_url}/control", json={"reset": True}).raise_for_status()
    monkeypatch.setenv("OPENAI_BASE_URL", shared_demo.base_url)
    monkeypatch.setenv("AGENTSITE_DEMO_MODEL", "1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    return shared_demo


@pytest_asyncio.fixture(autouse=True)
async def no_open_connections() -> AsyncIterator[None]:
    yield
    await close_clients()


@pytest.fixture
def recorded() -> Iterator[list[ModelCall]]:
    """The calls that the recorder was told of."""
    calls: list[ModelCall] = []
    token = call_recorder.set(calls.append)
    yield calls
    call_recorder.reset(token)


@pytest.fixture
def poisoned(free_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Poisoned]]:
    """Start a model that sends what the test makes up, and name it by the environment."""
    started: list[Poisoned] = []

    def start(answer: Callable[[], Response]) -> Poisoned:
        started.append(Poisoned(answer, free_port))
        monkeypatch.setenv("OPENAI_BASE_URL", started[-1].base_url)
        return started[-1]

    yield start
    for endpoint in started:
        endpoint.stop()
