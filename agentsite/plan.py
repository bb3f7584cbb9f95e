"""What `manage.py up` runs on this machine, and where: decided from the home and the environment."""

import asyncio
import hashlib
import ipaddress
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from agentsite import ports, probes
from agentsite.child import Program, Service
from agentsite.failures import CannotStart
from agentsite.home import ROOT, Home
from agentsite.postgres import Cluster
from agentsite.postgres_place import choose_place
from workflows.engine import devserver, versions
from workflows.engine.devserver import DevServer

SERVERS = 1  # the stages in which they are stopped, after the processes that use them
DATABASE = 2
# As workflows.contracts has them, which needs the SDK; a test compares.
QUEUES = ("research-agent", "agentsite")


class Plan:
    """The services of one instance, their environment and their addresses.

    Making one starts nothing. Raises CannotStart for what the person at the console has to change.
    """

    def __init__(self, home: Home, environment: Mapping[str, str] = os.environ) -> None:
        self.home = home
        self.host = environment.get("HOST") or "127.0.0.1"
        self.port = _web_port(environment, self.host)
        self.workers_poll = asyncio.Event()
        """To be set when workers poll both queues of a Temporal server that is not ours."""
        self.cluster = None if environment.get("DATABASE_URL") else self._cluster()
        self.moved = home.replace_taken_ports(self.port)
        """Services whose kept port was taken by somebody else."""
        if self.cluster:
            self.cluster = self._cluster()
        self.devserver = None if devserver.is_external(environment) else self._devserver()
        self.demo_model = not (environment.get("OPENAI_BASE_URL") or environment.get("OPENAI_API_KEY"))
        self.demo_payments = not environment.get("PAYMENTS_URL")
        self.environment = self._environment(environment)

    def servers(self) -> list[Service]:
        """What the application needs: its database, Temporal, the demo model and payments."""
        services = []
        if self.cluster:
            services.append(self._postgres(self.cluster))
        if self.devserver:
            services.append(self._temporal(self.devserver))
        if self.demo_model or self.demo_payments:
            services.append(self._demo())
        return services

    def application(self, on_web_output: Callable[[str], None]) -> list[Service]:
        """The processes of Agentsite itself; their database must be prepared.

        The web's first life makes the sign-in link, since it has loaded all that this needs;
        `on_web_output` gets the line that names it.
        """

        async def web_answers(_: int) -> bool:
            return await probes.answers(f"{self.local_url}/healthz")

        async def all_answers(_: int) -> bool:
            return await probes.answers(f"{self.local_url}/readyz")

        async def polls(pid: int) -> bool:
            if self.devserver:
                return await probes.polls(self.devserver.health_url, QUEUES, pid)
            return self.workers_poll.is_set()

        web = Service(
            self.command("web"),
            web_answers,
            first=self.command("web", "--signin-link", "owner"),
            on_output=on_web_output,
        )
        return [
            web,
            Service(self.command("bridge"), all_answers),
            Service(self.command("worker"), polls),
        ]

    def preparation(self) -> Program | None:
        """What must come before the application; None when the last preparation still holds."""
        arguments = [] if self.devserver else ["--await-workers"]
        if arguments or self.cluster is None or not self.home.is_prepared(self.fingerprint()):
            return self.command("prepare", *arguments)
        return None

    def command(self, name: str, *arguments: str) -> Program:
        """`manage.py NAME`."""
        command = [sys.executable, str(ROOT / "manage.py"), name, *arguments]
        return Program(name, command, self.environment, ROOT)

    def fingerprint(self) -> str:
        """Differs when the database must be prepared anew: other migrations, packages, seed or address."""
        hashed = hashlib.sha256(self.environment["DATABASE_URL"].encode())
        if self.cluster:
            hashed.update(str(self.cluster.created_at()).encode())
        for file in (ROOT / "uv.lock", ROOT / "agentsite/seed.py", *sorted(ROOT.glob("*/migrations/*.py"))):
            hashed.update(file.name.encode() + file.read_bytes())
        return hashed.hexdigest()

    # Addresses

    @property
    def local_url(self) -> str:
        """Where the web answers on this machine."""
        host = "127.0.0.1" if _is_any(self.host) else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def web_url(self) -> str:
        """The web's address in links: `AGENTSITE_URL`, else the local one."""
        return self.environment["AGENTSITE_URL"]

    def endpoints(self, temporal: str) -> dict[str, str | None]:
        """The content of endpoints.json; `temporal` is the host:port in use."""
        return {
            "web": self.local_url,
            "temporal": temporal,
            "temporal_ui": f"http://127.0.0.1:{self.devserver.ui_port}" if self.devserver else None,
            "model": self.environment.get("OPENAI_BASE_URL") or "https://api.openai.com/v1",
            "database": self.environment["DATABASE_URL"],
            "payments": self.environment["PAYMENTS_URL"],
        }

    def _environment(self, outer: Mapping[str, str]) -> dict[str, str]:
        """What every process of this instance finds in its environment."""
        kept = self.home.ports()
        inner = self.devserver.client_environment(outer) if self.devserver else dict(outer)
        inner |= {
            "AGENTSITE_HOME": str(self.home.path),
            "AGENTSITE_DRILLS": "1",  # what a drill kills here is started again
            "AGENTSITE_URL": (outer.get("AGENTSITE_URL") or self.local_url).rstrip("/"),
            "HOST": self.host,
            "PORT": str(self.port),
            "PYTHONUNBUFFERED": "1",
        }
        if self.cluster:
            inner["DATABASE_URL"] = self.cluster.url
        if self.demo_model:
            inner["OPENAI_BASE_URL"] = f"http://127.0.0.1:{kept['model']}/v1"
            inner["OPENAI_API_KEY"] = "demo"
            inner["AGENTSITE_DEMO_MODEL"] = "1"
        if self.demo_payments:
            inner["PAYMENTS_URL"] = f"http://127.0.0.1:{kept['payments']}/payments"
        return inner

    # Servers

    def _cluster(self) -> Cluster:
        home = self.home
        place = choose_place(home.path, home.instance_id())
        cluster = Cluster(place, home.ports()["postgres"], home.database_password())
        cluster.clear_killed()  # before its port is looked at
        return cluster

    def _devserver(self) -> DevServer:
        binary = devserver.find_binary()
        if binary is None:
            raise CannotStart(
                "the program `temporal` is neither in the Python environment nor on PATH; "
                "run `make up`, which installs it, or set TEMPORAL_ADDRESS"
            )
        is_pinned = binary.parent == Path(sys.executable).parent
        if not is_pinned and (fault := versions.fault(versions.of_binary(binary))):
            raise CannotStart(f"{binary}: {fault}; run `make up`, which installs it")
        kept = self.home.ports()
        return DevServer(
            binary,
            port=kept["temporal"],
            ui_port=kept["temporal_ui"],
            http_port=kept["temporal_http"],
            file=self.home.path / "temporal.sqlite",
        )

    def _postgres(self, cluster: Cluster) -> Service:
        async def is_ready(pid: int) -> bool:
            return cluster.is_ready(pid)

        program = Program(
            "postgres",
            cluster.command(),
            cluster.environment,
            Path("/"),
            stop_signal=signal.SIGINT,  # "fast": ends its sessions, then writes what it holds
            orphan_signal=signal.SIGINT,
            quiet=True,
            spawn_options=cluster.account.spawn_options() if cluster.account else {},
        )
        return Service(program, is_ready, prepare=cluster.prepare, stage=DATABASE)

    def _temporal(self, server: DevServer) -> Service:
        async def is_ready(_: int) -> bool:
            return await probes.answers(server.health_url)

        program = Program("temporal", server.command(), self.environment, self.home.path)
        return Service(program, is_ready, stage=SERVERS)

    def _demo(self) -> Service:
        kept = self.home.ports()

        async def is_ready(_: int) -> bool:
            return await probes.answers(f"http://127.0.0.1:{kept['model']}/control/health")

        command = [
            sys.executable,
            "-m",
            "workflows.llm.demo",
            "--model-port",
            str(kept["model"]),
        ]
        command += ["--payments-port", str(kept["payments"])]
        command += ["--ledger", str(self.home.path / "payments.jsonl")]
        return Service(Program("demo", command, self.environment, ROOT), is_ready, stage=SERVERS)


def _is_any(host: str) -> bool:
    """Whether it stands for every address of this machine, which no client can be told."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def _web_port(environment: Mapping[str, str], host: str) -> int:
    given = environment.get("PORT") or "8000"
    if not given.isascii() or not given.isdigit() or not 0 < int(given) < 65_536:
        raise CannotStart(f"PORT={given} is not a port number (1 to 65535)")
    if not ports.is_free(int(given), host):
        raise CannotStart(f"port {given} on {host} is in use; choose another: PORT=8001 make up")
    return int(given)
