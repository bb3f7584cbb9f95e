"""Reads that Temporal, or the workflow itself, answers now. Each may take seconds: nothing waits behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection

from reviews.runs.engine import EngineUnavailable, engine
from reviews.runs.models import Run
from reviews.runs.now import Interface, RunNow


def now(run: Run) -> RunNow:
    """What is pending, and who polls for it. Raises :class:`~reviews.runs.engine.EngineUnavailable`."""
    return engine().now(*_execution(run))


def interface(run: Run) -> Interface:
    """What the workflow says of itself. Raises ``EngineUnavailable`` and ``QueryFailed``."""
    return engine().interface(*_execution(run))


def ask(run: Run, query: str, arguments: Sequence[Any]) -> Any:
    """The workflow's answer to a query. Raises ``EngineUnavailable`` and ``QueryFailed``."""
    return engine().query(*_execution(run), query, arguments)


def stack_trace(run: Run) -> str:
    """Where the workflow's code stands. Raises ``EngineUnavailable`` and ``QueryFailed``."""
    return engine().stack_trace(*_execution(run))


def _execution(run: Run) -> tuple[str, str, str]:
    if run.imported_at:
        raise EngineUnavailable("This run came from a file: no server can be asked about it.")
    if run.gone_at:
        raise EngineUnavailable("Temporal does not hold this run any more.")
    if run.run_id is None:
        raise EngineUnavailable("Temporal has not started this run yet.")
    if not connection.in_atomic_block:
        connection.close()  # back to the pool: whoever waits for Temporal must not keep others from the database
    return run.namespace, run.workflow_id, run.run_id
