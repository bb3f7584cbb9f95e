"""The home keeps what was chosen once, for its owner alone."""

import json
import multiprocessing
import os
import stat
from pathlib import Path

import pytest

from agentsite.account import unprivileged_account
from agentsite.failures import CannotStart
from agentsite.home import PORT_NAMES, ROOT, Home


def test_the_default_home_is_beside_manage_py() -> None:
    assert Home.from_environment({}).path == ROOT / "var"


def test_a_new_home_is_closed_to_others(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.create()
    mode = stat.S_IMODE(home.path.stat().st_mode)
    if os.geteuid() == 0:  # PostgreSQL's user passes through, and may not look
        account = unprivileged_account()
        assert account and home.path.stat().st_gid == account.gid
        assert mode == 0o710
    else:
        assert mode == 0o700


def test_the_rights_of_a_folder_that_was_there_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o705)
    Home(tmp_path).create()
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o705


def test_a_home_below_a_file_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotStart, match="cannot be written"):
        Home(tmp_path / "file" / "home").create()


def test_secrets_and_ports_are_kept(tmp_path: Path) -> None:
    first, second = Home(tmp_path), Home(tmp_path)
    assert first.secret_key() == second.secret_key()
    assert first.instance_id() == second.instance_id()
    assert first.embedded_database_url() == second.embedded_database_url()
    assert first.ports() == second.ports()
    assert len(set(first.ports().values())) == len(PORT_NAMES)


def test_kept_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.secret_key()
    home.embedded_database_url()
    home.write_endpoints({"web": "http://127.0.0.1:1"})
    home.write_processes({"up": 1})
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def _password(path: Path) -> str:
    return Home(path).database_password()


def test_processes_that_ask_at_once_get_one_secret(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(_password, [tmp_path] * 40))) == 1


def test_two_homes_share_neither_secrets_nor_cookies(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    assert one.secret_key() != other.secret_key()
    assert one.instance_id() != other.instance_id()


def test_the_database_is_the_one_given_then_the_running_one_then_the_kept_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    kept = home.embedded_database_url()
    assert home.database_url({}) == kept
    home.write_endpoints({"database": "postgresql://running/agentsite"})
    assert home.database_url({}) == "postgresql://running/agentsite"
    assert home.database_url({"DATABASE_URL": "postgresql://given/x"}) == "postgresql://given/x"
    home.remove_endpoints()
    assert home.database_url({}) == kept


def test_a_command_finds_the_running_services_unless_it_was_told_others(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.service_environment({}) == {}
    home.write_endpoints({"temporal": "127.0.0.1:1", "model": "http://127.0.0.1:2/v1", "temporal_ui": None})
    assert home.service_environment({}) == {
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "OPENAI_BASE_URL": "http://127.0.0.1:2/v1",
    }
    others = {"OPENAI_BASE_URL": "mine", "TEMPORAL_PROFILE": "cloud"}
    assert home.service_environment(others) == others


def test_a_command_beside_our_own_servers_mixes_no_others_into_them(tmp_path: Path) -> None:
    home = Home(tmp_path)
    model = f"http://127.0.0.1:{home.ports()['model']}/v1"
    home.write_endpoints({"temporal": "127.0.0.1:1", "model": model, "temporal_ui": "http://127.0.0.1:3"})
    outer = {
        "TEMPORAL_NAMESPACE": "cloud",
        "TEMPORAL_API_KEY": "secret",
        "TEMPORAL_WORKER_BUILD_ID": "7",
        "HOME": "/",
    }
    assert home.service_environment(outer) == {
        "HOME": "/",
        "TEMPORAL_ADDRESS": "127.0.0.1:1",
        "TEMPORAL_NAMESPACE": "default",
        "TEMPORAL_CONFIG_FILE": "/dev/null",
        "TEMPORAL_WORKER_BUILD_ID": "7",
        "OPENAI_BASE_URL": model,
        "OPENAI_API_KEY": "demo",
        "AGENTSITE_DEMO_MODEL": "1",
    }


def test_a_taken_port_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    import socket

    home = Home(tmp_path)
    before = home.ports()
    with socket.socket() as other:
        other.bind(("127.0.0.1", before["temporal"]))
        other.listen()
        assert home.replace_taken_ports(web=8000) == ["temporal"]
    after = home.ports()
    assert after["temporal"] != before["temporal"]
    assert after | {"temporal": 0} == before | {"temporal": 0}


def test_the_port_of_the_web_is_no_services(tmp_path: Path) -> None:
    home = Home(tmp_path)
    web = home.ports()["model"]
    assert home.replace_taken_ports(web) == ["model"]
    assert web not in home.ports().values()


def test_ports_kept_by_an_older_version_are_completed(tmp_path: Path) -> None:
    (tmp_path / "ports.json").write_text(json.dumps({"postgres": 20_001}))
    home = Home(tmp_path)
    home.replace_taken_ports(web=8000)
    assert set(home.ports()) == set(PORT_NAMES)


def test_one_holds_the_lock(tmp_path: Path) -> None:
    with (
        Home(tmp_path).lock(),
        pytest.raises(CannotStart, match=rf"another `manage.py up` \(pid {os.getpid()}\)"),
        Home(tmp_path).lock(),
    ):
        pass
    with Home(tmp_path).lock():
        pass


def test_processes_are_said_and_taken_back(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.processes() == {}
    home.write_processes({"up": 1, "web": 2})
    home.write_processes({"up": 1})
    assert home.processes() == {"up": 1}
    home.remove_processes()
    home.remove_processes()
    assert home.processes() == {}


def test_a_disk_that_takes_nothing_ends_no_process(tmp_path: Path) -> None:
    Home(tmp_path / "gone").write_processes({"up": 1})
