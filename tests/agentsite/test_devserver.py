"""Which Temporal server `up` uses, and what its clients are told."""

import os
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from agentsite.plan import QUEUES
from workflows import contracts
from workflows.engine import devserver, health, versions
from workflows.engine.devserver import DevServer

SERVER = DevServer(Path("/bin/temporal"), 1, 2, 3, Path("/home/temporal.sqlite"))


@pytest.mark.parametrize(
    ("environment", "external"),
    [
        ({}, False),
        ({"TEMPORAL_ADDRESS": "cloud:7233"}, True),
        ({"TEMPORAL_PROFILE": "cloud"}, True),
        ({"TEMPORAL_ADDRESS": "", "TEMPORAL_NAMESPACE": "mine", "TEMPORAL_API_KEY": "key"}, False),
    ],
)
def test_only_a_named_server_is_external(environment: dict[str, str], external: bool) -> None:
    assert devserver.is_external(environment) is external


def test_a_default_profile_never_reaches_the_clients_of_the_dev_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = tmp_path / "temporal.toml"
    profiles.write_text('[profile.default]\naddress = "somebody.tmprl.cloud:7233"\napi_key = "secret"\n')
    outer = {"TEMPORAL_CONFIG_FILE": str(profiles), "TEMPORAL_API_KEY": "secret", "PATH": os.defpath}
    loaded = ClientConfig.load_client_connect_config(override_env_vars=outer)
    assert loaded["target_host"] == "somebody.tmprl.cloud:7233", "the danger is there"

    inner = SERVER.client_environment(outer)
    assert inner["PATH"] == os.defpath
    loaded = ClientConfig.load_client_connect_config(override_env_vars=inner)
    assert loaded == {"target_host": "127.0.0.1:1", "namespace": "default"}


def test_a_profile_in_the_users_own_folder_does_not_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in (tmp_path / "temporalio", tmp_path / ".config/temporalio"):
        folder.mkdir(parents=True)
        (folder / "temporal.toml").write_text('[profile.default]\naddress = "somebody:7233"\ntls = {}\n')
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    inner = SERVER.client_environment(os.environ)
    loaded = ClientConfig.load_client_connect_config(override_env_vars=inner)
    assert loaded == {"target_host": "127.0.0.1:1", "namespace": "default"}


def test_the_server_is_tuned_and_keeps_its_file() -> None:
    command = " ".join(SERVER.command())
    assert "server start-dev --ip 127.0.0.1 --port 1 --ui-port 2" in command
    assert "history.transferProcessorMaxPollRPS=2000" in command
    assert "--db-filename /home/temporal.sqlite" in command
    assert "journal_mode=wal" in command
    assert "synchronous=full" in command


@pytest.mark.parametrize(
    ("version", "too_old"),
    [("1.23.1", True), ("v1.9.0", True), ("1.24.0", False), ("1.32.0", False), ("2.0", False), ("", False)],
)
def test_a_server_that_is_too_old_is_named_in_one_line(version: str, too_old: bool) -> None:
    fault = versions.fault(version)
    assert (fault is not None) is too_old
    if fault:
        assert version in fault
        assert "\n" not in fault


async def test_the_real_server_will_do_and_nobody_polls_it_yet(temporal_server: str) -> None:
    client = await Client.connect(temporal_server)
    version = await health.server_version(client)
    assert version
    assert versions.fault(version) is None
    assert await health.pollers(client, "nobody-polls-this") == []


def test_the_queues_that_up_waits_for_are_those_of_the_contract() -> None:
    assert set(QUEUES) == {contracts.AGENTS_QUEUE, contracts.HUMAN_QUEUE}
