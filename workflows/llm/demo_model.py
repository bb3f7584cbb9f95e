"""The demo model's routes: OpenAI's chat completions under `/v1`, and its controls under `/control`."""

import json
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from workflows.llm.demo_answer import ChatAnswer, error_response
from workflows.llm.demo_faults import CallLog, Fault, Faults, RateLimit
from workflows.llm.demo_prompt import BadRequest, Prompt

MODELS = ("gpt-4o-mini", "demo-model")
LATENCY_MS = (300, 900)


class DemoModel:
    """One demo model: its faults, its counts, its latency (milliseconds; None: 300 to 900 by prompt)."""

    def __init__(self, latency_ms: float | None = None) -> None:
        self.default_latency_ms = latency_ms
        self._forget()

    def _forget(self) -> None:
        self.latency_ms = self.default_latency_ms
        self.faults = Faults()
        self.limit = RateLimit()
        self.log = CallLog()

    @property
    def routes(self) -> list[Route]:
        return [
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/v1/chat/completions", self.chat_completions, methods=["POST"]),
            Route("/control/inject", self.inject, methods=["POST"]),
            Route("/control/latency", self.set_latency, methods=["POST"]),
            Route("/control/limit", self.set_limit, methods=["POST"]),
            Route("/control/reset", self.reset, methods=["POST"]),
            Route("/control/stats", self.stats, methods=["GET"]),
            Route("/control/health", self.health, methods=["GET"]),
        ]

    async def models(self, request: Request) -> JSONResponse:
        models = [
            {"id": name, "object": "model", "created": 0, "owned_by": "agentsite-demo"} for name in MODELS
        ]
        return JSONResponse({"object": "list", "data": models})

    async def chat_completions(self, request: Request) -> ChatAnswer | JSONResponse:
        try:
            prompt = Prompt.parse(await request.body())
        except BadRequest as error:
            self.log.reject()
            return error_response(400, str(error), param=error.param)
        fault = self.limit.take() or self.faults.take(prompt)
        return ChatAnswer(prompt, fault, self.log, self.log.open(prompt, fault), self._latency(prompt))

    def _latency(self, prompt: Prompt) -> float:
        """In seconds."""
        drawn = prompt.random("latency").uniform(*LATENCY_MS)
        return (drawn if self.latency_ms is None else self.latency_ms) / 1000

    async def inject(self, request: Request) -> JSONResponse:
        try:
            fault = Fault.parse(await _json(request))
        except ValueError as error:
            return _problem(str(error))
        self.faults.injected.append(fault)
        return JSONResponse({"injected": len(self.faults.injected)}, 201)

    async def set_latency(self, request: Request) -> JSONResponse:
        try:
            given = await _json(request)
        except ValueError as error:
            return _problem(str(error))
        milliseconds = given.get("ms") if isinstance(given, dict) else None
        if milliseconds is not None and not (
            isinstance(milliseconds, int | float) and 0 <= milliseconds <= 600_000
        ):
            return _problem("ms must be between 0 and 600000, or null for the usual 300 to 900")
        self.latency_ms = milliseconds
        return JSONResponse({"ms": milliseconds})

    async def set_limit(self, request: Request) -> JSONResponse:
        try:
            given = await _json(request)
        except ValueError as error:
            return _problem(str(error))
        a_minute = given.get("requests_per_minute") if isinstance(given, dict) else None
        if a_minute is not None and not (isinstance(a_minute, int | float) and 0 < a_minute <= 600_000):
            return _problem("requests_per_minute must be above 0, or null for no limit")
        self.limit = RateLimit(a_minute)
        return JSONResponse({"requests_per_minute": a_minute})

    async def reset(self, request: Request) -> JSONResponse:
        self._forget()
        return JSONResponse({"reset": True})

    async def stats(self, request: Request) -> JSONResponse:
        return JSONResponse(self.log.stats())

    async def health(self, request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})


async def _json(request: Request) -> Any:
    return json.loads(await request.body())


def _problem(detail: str) -> JSONResponse:
    return JSONResponse({"error": detail}, 422)
