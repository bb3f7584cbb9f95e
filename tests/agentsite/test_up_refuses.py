"""`manage.py up` that cannot run: one clear line, exit code 1, nothing left behind."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.site import Site, run_up


@pytest.fixture
def unstarted() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


def refusal(environment: dict[str, str]) -> str:
    """The only line that `up` says."""
    done = run_up(environment)
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    return line


def test_a_port_in_use(unstarted: Site) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", unstarted.port))
        other.listen()
        line = refusal(unstarted.env)
    assert line == f"up: port {unstarted.port} on 127.0.0.1 is in use; choose another: PORT=8001 make up"
    assert not (unstarted.home / "postgres").exists(), "nothing was started"


@pytest.mark.parametrize("port", ["eighty", "0", "70000", "-1"])
def test_a_port_that_is_none(unstarted: Site, port: str) -> None:
    assert refusal(unstarted.env | {"PORT": port}) == f"up: PORT={port} is not a port number (1 to 65535)"


def test_a_folder_that_cannot_be_written(unstarted: Site) -> None:
    file = unstarted.folder / "file"
    file.touch()
    line = refusal(unstarted.env | {"AGENTSITE_HOME": str(file / "home")})
    assert line.startswith(f"up: the folder {file}/home cannot be written (Not a directory)")


def test_a_database_of_another_version(unstarted: Site) -> None:
    home = unstarted.home
    home.mkdir(mode=0o755)
    (home / "postgres").mkdir(mode=0o700)
    (home / "postgres/data").mkdir(mode=0o700)
    (home / "postgres/data/PG_VERSION").write_text("16\n")
    if os.geteuid() == 0:
        os.chown(home / "postgres", 65534, 65534)
    done = run_up(unstarted.env)
    assert done.returncode == 1
    assert "initialized by PostgreSQL version 16, this is 18" in done.stdout.splitlines()[-1]


def test_a_missing_temporal(unstarted: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A Python environment without the wheel's binary beside it: a link to this one's interpreter.
    from agentsite.failures import CannotStart
    from agentsite.home import Home
    from agentsite.plan import Plan

    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    home = Home(unstarted.home)
    home.create()
    with pytest.raises(CannotStart, match="the program `temporal` is neither in the Python environment"):
        Plan(home, {"PORT": str(unstarted.port)})
