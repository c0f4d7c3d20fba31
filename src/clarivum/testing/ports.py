"""Loopback ports that nobody listens on."""

import socket
from contextlib import ExitStack

HOST = "127.0.0.1"


def free_port() -> int:
    """One that was free a moment ago."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.create_server((HOST, 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]
