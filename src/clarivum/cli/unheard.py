"""Going on when nobody listens any more: what a command does must not hang on who reads its progress."""

import io
import os
import sys
from typing import Any


class _Pipe(io.RawIOBase):
    """A descriptor to write to. When its reader is gone, what is written goes nowhere, and so does all that follows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        try:
            return os.write(self._descriptor, data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._descriptor)
            os.close(nowhere)
            return len(data)


def go_on_unheard() -> None:
    """From here on, standard output and standard error that nobody reads are no error of this process."""
    sys.stdout, sys.stderr = (_forgiving(stream) for stream in (sys.stdout, sys.stderr))


def _forgiving(stream: Any) -> Any:
    """The same stream over a pipe that forgives; what has no descriptor of its own stays as it is."""
    try:
        descriptor = stream.fileno()
    except (OSError, AttributeError):
        return stream
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Pipe(descriptor)),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
    )
