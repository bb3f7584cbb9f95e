"""The folder of one instance, `AGENTSITE_HOME`: its ports, secrets, lock and endpoints.

Only the standard library, so that settings and `manage.py up` can read it before Django is there.
"""

import contextlib
import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agentsite.account import unprivileged_account
from agentsite.failures import CannotStart
from agentsite.ports import choose_free_ports, is_free
from workflows.engine.devserver import environment_for, is_external

ROOT = Path(__file__).resolve().parent.parent
PORT_NAMES = (
    "postgres",
    "temporal",
    "temporal_ui",
    "temporal_http",
    "model",
    "payments",
)


class Home:
    """One instance's folder. Nothing is created until something is kept in it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Home":
        """`AGENTSITE_HOME`, by default `var/` beside manage.py."""
        named = environment.get("AGENTSITE_HOME")
        return cls(Path(named).expanduser().absolute() if named else ROOT / "var")

    def create(self) -> None:
        """Make the folder, for its owner alone, and see that it can be written.

        Raises CannotStart when it cannot.
        """
        try:
            if not self.path.is_dir():
                self.path.mkdir(parents=True)
                self._keep_private()
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise CannotStart(
                f"the folder {self.path} cannot be written ({error.strerror}); "
                "choose another with AGENTSITE_HOME=/path/to/folder"
            ) from error

    def _keep_private(self) -> None:
        """0700; as root 0710 with the group of the user under whom PostgreSQL runs, who passes through."""
        if os.geteuid() == 0 and (account := unprivileged_account()):
            os.chown(self.path, 0, account.gid)
            self.path.chmod(0o710)
        else:
            self.path.chmod(0o700)

    # What is chosen once and kept

    def secret_key(self) -> str:
        """Django's SECRET_KEY: 64 random characters."""
        return self._keep("secret_key", lambda: secrets.token_urlsafe(48))

    def instance_id(self) -> str:
        """Eight hex digits that tell this instance's cookies from another's on the same host."""
        return self._keep("instance_id", lambda: secrets.token_hex(4))

    def database_password(self) -> str:
        """The password of the role `agentsite` in the embedded PostgreSQL."""
        return self._keep("database_password", lambda: secrets.token_hex(24))

    def ports(self) -> dict[str, int]:
        """The kept port of each service in PORT_NAMES. The web's port is `PORT`, not one of these."""

        def choose() -> str:
            return json.dumps(dict(zip(PORT_NAMES, choose_free_ports(len(PORT_NAMES)), strict=True)))

        return {name: int(port) for name, port in json.loads(self._keep("ports.json", choose)).items()}

    def replace_taken_ports(self, web: int | None = None) -> list[str]:
        """Choose another port for each service whose kept one is taken, or is to be the `web`'s; return the
        names of those."""
        ports = self.ports()
        free = {name for name in PORT_NAMES if name in ports and ports[name] != web and is_free(ports[name])}
        taken = [name for name in PORT_NAMES if name not in free]
        if taken:
            chosen = dict(zip(taken, choose_free_ports(len(taken), but=web), strict=True))
            self._write("ports.json", json.dumps(ports | chosen))
        return taken

    def is_prepared(self, fingerprint: str) -> bool:
        """Whether the database was last prepared for just this code and this address."""
        try:
            return (self.path / "prepared").read_text() == fingerprint
        except FileNotFoundError:
            return False

    def mark_prepared(self, fingerprint: str) -> None:
        """Remember for which code and address the database is prepared."""
        self._write("prepared", fingerprint)

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Hold this home for one `up`. Raises CannotStart when another one holds it."""
        with (self.path / "lock").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                file.seek(0)
                raise CannotStart(
                    f"another `manage.py up` (pid {file.read().strip()}) runs on {self.path}; "
                    "stop it, or start a second instance with its own AGENTSITE_HOME and PORT"
                ) from error
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    # What a running instance says about itself

    def endpoints(self) -> dict[str, Any]:
        """The addresses of the running instance; empty when none is ready."""
        try:
            endpoints: dict[str, Any] = json.loads((self.path / "endpoints.json").read_text())
        except FileNotFoundError:
            return {}
        return endpoints

    def write_endpoints(self, endpoints: Mapping[str, str | None]) -> None:
        """Publish the addresses, readable by the owner alone: the database's holds its password."""
        self._write("endpoints.json", json.dumps(endpoints, indent=2) + "\n")

    def remove_endpoints(self) -> None:
        """Take the addresses back; harmless when there are none."""
        (self.path / "endpoints.json").unlink(missing_ok=True)

    def processes(self) -> dict[str, int]:
        """The running instance's processes, name → process id, `up` itself among them; empty when none runs."""
        try:
            processes: dict[str, int] = json.loads((self.path / "processes.json").read_text())
        except FileNotFoundError:
            return {}
        return processes

    def write_processes(self, processes: Mapping[str, int]) -> None:
        """Say which processes run now. A full disk must not end them: it keeps what was said before."""
        with contextlib.suppress(OSError):
            self._write("processes.json", json.dumps(processes))

    def remove_processes(self) -> None:
        """Take them back; harmless when there are none."""
        (self.path / "processes.json").unlink(missing_ok=True)

    def database_url(self, environment: Mapping[str, str] = os.environ) -> str:
        """`DATABASE_URL`, else the running instance's database, else the embedded one's kept address."""
        given = environment.get("DATABASE_URL") or self.endpoints().get("database")
        return str(given) if given else self.embedded_database_url()

    def embedded_database_url(self) -> str:
        """The address of the embedded PostgreSQL, whether it runs or not."""
        port = self.ports()["postgres"]
        return f"postgresql://agentsite:{self.database_password()}@127.0.0.1:{port}/agentsite"

    def service_environment(self, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
        """The environment in which a command beside a running `up` finds the services, unless it was told others."""
        endpoints = self.endpoints()
        found = {
            "DATABASE_URL": endpoints.get("database"),
            "OPENAI_BASE_URL": endpoints.get("model"),
            "PAYMENTS_URL": endpoints.get("payments"),
            "AGENTSITE_URL": endpoints.get("web"),
        }
        inner = dict(environment)
        temporal = endpoints.get("temporal")
        if temporal and not is_external(environment):
            # Only our own server has a page of its own here.
            is_ours = bool(endpoints.get("temporal_ui"))
            inner = environment_for(temporal, inner) if is_ours else inner | {"TEMPORAL_ADDRESS": temporal}
        missing = {name: value for name, value in found.items() if value and not environment.get(name)}
        model = missing.get("OPENAI_BASE_URL")
        if model and model == f"http://127.0.0.1:{self.ports()['model']}/v1":
            missing |= {"OPENAI_API_KEY": "demo", "AGENTSITE_DEMO_MODEL": "1"}
        return inner | missing

    # Files

    def _keep(self, name: str, make: Callable[[], str]) -> str:
        """The content of a file that is made once; whoever is first wins, also between processes."""
        path = self.path / name
        try:
            return path.read_text()
        except FileNotFoundError:
            self.create()
        except PermissionError as error:
            raise CannotStart(f"{path} cannot be read: it belongs to somebody else") from error
        draft = self._draft(name, make())
        try:
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink()
        return path.read_text()

    def _write(self, name: str, content: str) -> None:
        self._draft(name, content).replace(self.path / name)

    def _draft(self, name: str, content: str) -> Path:
        descriptor, draft = tempfile.mkstemp(prefix=f".{name}.", dir=self.path)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            file.write(content)
        return Path(draft)
