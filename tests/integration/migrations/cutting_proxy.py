"""A stand-in for the server's socket that kills the client instead of passing its n-th statement on."""

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

STATEMENTS = (b"Q", b"P")
"""Frontend messages that carry SQL: Query, Parse (PostgreSQL's protocol, section 55.7)."""
BEGINS = b"pg_try_advisory_lock"
"""The statement with which a push begins to apply; those before it only read."""


class CuttingProxy:
    """Passes everything on until statement `at` (from 1, counted from the first that applies), then calls `cut`.

    `folder` is where its socket lies; `url` is the server's, by socket. Passes one client's connections, one by one.
    """

    def __init__(self, folder: Path, url: str, at: int, cut: Callable[[], None]) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        name = f".s.PGSQL.{query['port']}"
        self._server = f"{query['host']}/{name}"
        self.url = urlunsplit(parts._replace(query=urlencode({**query, "host": str(folder)})))
        self._at, self._cut = at, cut
        self.applying = False
        self.seen = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / name))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            for act in (self._upwards, _downwards):
                thread = threading.Thread(target=act, args=(client, server), daemon=True)
                thread.start()
                self._threads.append(thread)

    def _upwards(self, client: socket.socket, server: socket.socket) -> None:
        """Client to server, message by message; the first has a length and no type."""
        stream = client.makefile("rb")
        is_first = True
        while True:
            kind = b"" if is_first else stream.read(1)
            head = stream.read(4)
            if len(head) < 4:
                break
            body = stream.read(struct.unpack("!i", head)[0] - 4)
            is_first = False
            if kind in STATEMENTS and self._is_the_one(body):
                self._cut()
                break
            server.sendall(kind + head + body)
        with suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)  # closing alone would leave the thread that reads holding it

    def _is_the_one(self, body: bytes) -> bool:
        self.applying = self.applying or BEGINS in body
        self.seen += self.applying
        return self.applying and self.seen == self._at


def _downwards(client: socket.socket, server: socket.socket) -> None:
    try:
        while data := server.recv(65_536):
            client.sendall(data)
    except OSError:
        pass
    client.close()
