"""Free ports on this machine."""

import secrets
import socket

# Below the range from which the kernel draws the local ports of outgoing connections (32768 on Linux,
# 49152 elsewhere): a client that retries a stopped service there can be given the service's own port,
# connect to itself, and keep the service from ever starting again.
CANDIDATES = range(20_000, 32_000)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def choose_free_ports(count: int, but: int | None = None) -> list[int]:
    """So many different ports on which nobody listens, none of them `but`."""
    chosen: list[int] = []
    while len(chosen) < count:
        port = secrets.choice(CANDIDATES)
        if port not in chosen and port != but and is_free(port):
            chosen.append(port)
    return chosen
