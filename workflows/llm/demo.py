"""The demo model and the demo payments endpoint: one small process that stands in for the outside world.

    python -m workflows.llm.demo --model-port 9001 --payments-port 9002 [--latency MS] [--ledger FILE]

The model speaks OpenAI's chat completions at `http://127.0.0.1:<model-port>/v1`. Its answers are scripted:
they vary with the prompt and are the same for the same prompt; every figure in them is invented.

For people who play with the pages, a word in a prompt brings trouble:

    [demo:rate_limit] [demo:error] [demo:malformed_json] [demo:drop]   the first two tries, then an answer
    [demo:timeout]   the first try is never answered
    [demo:slow]      answered five seconds late; a stream begins halfway and goes on slowly
    [demo:refuse]    always refused
    [demo:fail]      always a server error

For tests and benchmarks, over HTTP on the model's port:

    POST /control/inject   {"kind": "rate_limit"|"error"|"slow"|"malformed_json"|"wrong_shape"|"huge"|
                            "timeout"|"refuse"|"drop",
                            "times": 1, "match": part of the prompt, "retry_after": seconds or header value,
                            "seconds": how slow, "status": 500, "code": …, "message": …}
    POST /control/latency  {"ms": 0}, or {"ms": null} for the usual 300 to 900
    POST /control/limit    {"requests_per_minute": 600}, above which it answers 429; null for no limit
    POST /control/reset    forget faults, limit and counts
    GET  /control/stats    calls received, completed (whole answers sent), failed by kind, completed by prompt
    GET  /control/health

Payments, on their port: `POST /payments {customer, amount, reason}` with `Idempotency-Key` answers 201, then
200 with `Idempotent-Replayed: true`; `GET /payments` lists them; `POST /payments/control` takes
`{"status": 500, "times": 2, "seconds": 0, "when": "before"|"after"}` or `{"reset": true}` (the ledger too).
With `--ledger` a payment is on disk before it is confirmed, and known again after a restart.
"""

import argparse
import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from workflows.llm.demo_model import DemoModel
from workflows.llm.demo_payments import DemoPayments

HOST = "127.0.0.1"


def main() -> None:
    """Serve until SIGTERM or SIGINT; exit 1 with one line when a port or the ledger cannot be had."""
    options = _options()
    # uvicorn raises the signal again when it has shut down; the exit is then a clean one.
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: sys.exit(0))
    try:
        payments = DemoPayments(options.ledger)
        sockets = [_listen(options.model_port), _listen(options.payments_port)]
    except (OSError, OverflowError, ValueError) as error:
        sys.exit(f"demo: {error}")
    app = Starlette(routes=DemoModel(options.latency).routes + payments.routes)
    model, paid = (f"http://{HOST}:{sock.getsockname()[1]}" for sock in sockets)
    print(f"demo model at {model}/v1, demo payments at {paid}/payments", flush=True)
    asyncio.run(_server(app).serve(sockets))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="workflows.llm.demo", description="The demo model and payments.")
    parser.add_argument("--model-port", type=int, required=True, help="0: any free port")
    parser.add_argument("--payments-port", type=int, required=True, help="0: any free port")
    parser.add_argument("--latency", type=float, metavar="MS", help="milliseconds (default: 300 to 900)")
    parser.add_argument("--ledger", type=Path, metavar="FILE", help="keep payments in this file")
    return parser.parse_args()


def _listen(port: int) -> socket.socket:
    """A listening socket, so that a client which comes before the server is ready waits a moment."""
    try:
        return socket.create_server((HOST, port), backlog=512)
    except OSError as error:
        raise OSError(f"cannot listen on {HOST}:{port}: {os.strerror(error.errno or 0)}") from error


def _server(app: Starlette) -> uvicorn.Server:
    return uvicorn.Server(uvicorn.Config(
        app, loop="asyncio", http="httptools", ws="none", lifespan="off", log_config=None, log_level="critical",
        access_log=False, timeout_graceful_shutdown=0,
    ))  # fmt: skip


if __name__ == "__main__":
    main()
