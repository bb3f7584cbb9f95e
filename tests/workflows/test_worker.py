"""What a worker takes from its environment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from tests.workflows.world import World
from workflows.recording import Recorder
from workflows.registry import STANDARD
from workflows.worker import activities_per_second, agents_worker, check_settings, runner


@pytest.mark.parametrize(("said", "expected"), [("", None), ("0", None), ("2.5", 2.5)])
def test_the_rate_of_the_agents_queue(
    monkeypatch: pytest.MonkeyPatch, said: str, expected: float | None
) -> None:
    monkeypatch.setenv("AGENTS_ACTIVITIES_PER_SECOND", said)
    assert activities_per_second() == expected


async def test_temporal_is_told_the_rate(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AGENTS_ACTIVITIES_PER_SECOND", "2.5")
    recorder = Recorder("w")
    with ThreadPoolExecutor(1) as threads:
        assert (
            agents_worker(world.client, threads, recorder).config()["max_task_queue_activities_per_second"]
            == 2.5
        )
    recorder.close()


@pytest.mark.parametrize("setting", ["MODEL_PRICES", "MODEL_LIMITS"])
def test_a_worker_does_not_start_with_a_table_that_it_cannot_read(settings: Settings, setting: str) -> None:
    check_settings()
    setattr(settings, setting, "{")
    with pytest.raises(ImproperlyConfigured, match=setting):
        check_settings()


def test_our_own_agents_run_without_the_sandbox_unless_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("WORKER_SANDBOX", raising=False)
    framework = replace(STANDARD, sandboxed=True)
    assert isinstance(runner(STANDARD), UnsandboxedWorkflowRunner)
    assert isinstance(runner(framework), SandboxedWorkflowRunner)
    monkeypatch.setenv("WORKER_SANDBOX", "1")
    assert isinstance(runner(STANDARD), SandboxedWorkflowRunner)
