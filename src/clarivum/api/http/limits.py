"""What a connection may cost before anybody knows who is calling."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one connection. Sizes in bytes, times in seconds."""

    max_body_bytes: int
    receive_timeout_s: float
    """For a whole request, from its first byte (or the connection's start) to its last."""
    max_head_bytes: int = 16_384
    max_headers: int = 100
    max_unfinished_bytes: int = 67_108_864
    """Of bodies that are still arriving, on all connections of the process together."""
    keep_alive_s: float = 75.0
    """Between two requests; longer than a load balancer's own idle time of 60 s, so that it is the one to close."""
    send_timeout_s: float = 10.0
    """For a client that does not read its answer."""
    linger_s: float = 1.0
    """For a refused client to read its answer while it still sends."""
    tick_s: float = 0.25
    """How often deadlines are looked at."""


class Unfinished:
    """What all connections of a process hold of bodies that are still arriving."""

    __slots__ = ("size_bytes",)

    def __init__(self) -> None:
        self.size_bytes = 0
