"""`manage.py up` that cannot run: one clear line, exit code 1, nothing left behind."""

import contextlib
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentsite.failures import CannotStart
from agentsite.home import Home
from agentsite.plan import Plan
from agentsite.postgres import version_fault
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


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All of PATH, and no `temporal` beside our Python."""
    monkeypatch.setattr("sys.executable", str(tmp_path / "environment/python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_a_missing_temporal(unstarted: Site, path: Path) -> None:
    home = Home(unstarted.home)
    home.create()
    with pytest.raises(CannotStart, match="the program `temporal` is neither in the Python environment"):
        Plan(home, {"PORT": str(unstarted.port)})


@pytest.mark.parametrize(
    ("says", "refused"),
    [
        ("temporal version 0.12.0 (server 1.23.1) (ui 2.26.2)", True),
        ("temporal version 1.1.0 (Server 1.25.0, UI 2.30.3)", False),
        ("something of another make", False),
    ],
)
def test_an_old_temporal_on_path(unstarted: Site, path: Path, says: str, refused: bool) -> None:
    program = path / "temporal"
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)
    home = Home(unstarted.home)
    home.create()
    words = f"{program}: the Temporal server is too old: version 1.23.1, Agentsite needs 1.24 or later"
    with pytest.raises(CannotStart, match=re.escape(words)) if refused else contextlib.nullcontext():
        Plan(home, {"PORT": str(unstarted.port)})


@pytest.mark.parametrize(
    ("version", "is_too_old"),
    [
        ("15.14 (Debian 15.14-0+deb12u1)", True),
        ("9.6.24", True),
        ("16.0", False),
        ("19beta1", False),
        ("", False),
    ],
)
def test_an_old_database(version: str, is_too_old: bool) -> None:
    words = f"PostgreSQL {version} is too old; 16 or later is needed"
    assert version_fault(version) == (words if is_too_old else None)
