"""The load generator for machines without wrk: one thread, epoll, non-blocking sockets.

`python -m benchmarks.harness.sockets PORT FILE FIRST_NUMBER CONNECTIONS SECONDS`; prints one JSON line. Costs 25 to
35 µs of CPU a request (wrk: 12 to 15), which the report shows.
"""

import json
import re
import selectors
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.spread import percentile

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNK_BYTES = 262_144


@dataclass(slots=True)
class Requests:
    """Prepared requests in turn, each with its number where it asks for one."""

    texts: list[bytes]
    sent: int

    def next(self) -> bytes:
        self.sent += 1
        text = self.texts[self.sent % len(self.texts)]
        if b"@@@@" in text:
            digits = b"%012d" % self.sent
            text = text.replace(b"@@@@@@@@@@@@", digits)
            text = text.replace(b"@@@@:@@@@:@@@@", b"%b:%b:%b" % (digits[:4], digits[4:8], digits[8:]))
        return text


@dataclass(slots=True)
class Tally:
    """What came back so far."""

    errors: int = 0
    latencies_s: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Connection:
    """One kept-open connection with the request it waits for."""

    socket: socket.socket
    sent_at: float = 0.0
    received: bytes = b""

    def answer(self) -> bytes | None:
        """The whole answer once it is there; its length must be declared."""
        head = self.received.find(b"\r\n\r\n")
        if head < 0:
            return None
        length = LENGTH.search(self.received, 0, head + 2)
        if length is None:
            raise ValueError("an answer without Content-Length")
        end = head + 4 + int(length[1])
        if len(self.received) < end:
            return None
        answer, self.received = self.received[:end], self.received[end:]
        return answer


def run(port: int, requests: Requests, connections: int, seconds: float) -> dict[str, float]:
    """Keep every connection busy for `seconds`; answers still open at the end are not counted, as in wrk."""
    selector = selectors.DefaultSelector()
    tally = Tally()
    clock = time.perf_counter
    for _ in range(connections):
        link = socket.create_connection(("127.0.0.1", port), timeout=5)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link.setblocking(False)
        selector.register(link, selectors.EVENT_READ, Connection(link))
    began = clock()
    deadline = began + seconds
    for key in selector.get_map().values():
        key.data.sent_at = clock()
        key.data.socket.send(requests.next())
    while clock() < deadline and selector.get_map():
        for key, _events in selector.select(0.1):
            connection: Connection = key.data
            chunk = connection.socket.recv(CHUNK_BYTES)
            if not chunk:
                tally.errors += 1
                selector.unregister(connection.socket)
                continue
            connection.received += chunk
            if (answer := connection.answer()) is None:
                continue
            now = clock()
            tally.latencies_s.append(now - connection.sent_at)
            tally.errors += not answer[9:12].startswith(b"2")
            connection.sent_at = now
            connection.socket.send(requests.next())
    elapsed_s = clock() - began
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    ordered = sorted(tally.latencies_s) or [0.0]
    return {
        "requests": len(tally.latencies_s),
        "seconds": elapsed_s,
        "errors": tally.errors,
        "p50_ms": percentile(ordered, 0.5) * 1e3,
        "p99_ms": percentile(ordered, 0.99) * 1e3,
    }


def main() -> None:
    port, file, first_number, connections, seconds = sys.argv[1:6]
    texts = Path(file).read_bytes().split(b"\0")
    result = run(int(port), Requests(texts, int(first_number)), int(connections), float(seconds))
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
