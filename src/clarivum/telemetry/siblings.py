"""One /metrics for several processes behind one port: whichever is asked collects the others' pages.

Each process answers on a Unix socket in a directory that they share, `<pid>.sock`. Every line carries its process in a
label, so nothing is added up here that Prometheus could not take apart again. Who is gone or stuck is left out.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

ANSWER_TIMEOUT_S = 1.0
MAX_PAGE_BYTES = 64 * 1_048_576
PROCESS_LABEL = "clarivum.process"


class Siblings:
    """This process's place among those that share `directory`, which must be private to their user."""

    def __init__(self, directory: Path, own_page: Callable[[], bytes]) -> None:
        """Listen for the others. Raises OSError when the socket cannot be made there."""
        self._directory = directory
        self._own_page = own_page
        self._path = directory / f"{os.getpid()}.sock"
        self._path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(8)
        threading.Thread(target=self._answer, name="clarivum-metrics-siblings", daemon=True).start()

    def page(self) -> bytes:
        """The pages of all processes as one, grouped by metric as the format demands."""
        others = sorted(path for path in self._directory.glob("*.sock") if path != self._path)
        return merge([self._own_page(), *(page for path in others if (page := _ask(path)) is not None)])

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._listener.close()

    def _answer(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                connection.settimeout(ANSWER_TIMEOUT_S)
                try:
                    connection.sendall(self._own_page())
                except OSError:  # who asked has gone; the next one may not have
                    continue


def merge(pages: Iterable[bytes]) -> bytes:
    """Join pages so that all lines of a metric stand together under one HELP and TYPE."""
    families: dict[bytes, list[bytes]] = {}
    for page in pages:
        lines: list[bytes] = []
        for line in page.split(b"\n"):
            if line.startswith(b"# HELP "):
                lines = families.setdefault(line, [])
            elif line and not (line.startswith(b"# TYPE ") and lines):
                lines.append(line)
    return b"".join(b"%b\n%b\n" % (help_line, b"\n".join(lines)) for help_line, lines in families.items())


def _ask(path: Path) -> bytes | None:
    """A sibling's page; None when it does not answer in time. The socket of a process that is gone is removed."""
    received: list[bytes] = []
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            connection.connect(str(path))
            while sum(map(len, received)) < MAX_PAGE_BYTES and (part := connection.recv(1_048_576)):
                received.append(part)
    except ConnectionRefusedError:
        path.unlink(missing_ok=True)
        return None
    except OSError:
        return None
    return b"".join(received)
