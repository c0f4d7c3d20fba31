"""The standard library's loggers (uvicorn, asyncio, boto), sent through the same pipeline as everything else."""

import logging
import sys
import threading
from types import TracebackType

from clarivum.telemetry.log_pipeline import LEVELS, PIPELINE

# What these say below the named level is noise, or shows requests with their headers and bodies.
_QUIET = {
    "asyncio": logging.INFO,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "httpcore": logging.WARNING,
    "httpx": logging.WARNING,
    "opentelemetry": logging.ERROR,
    "s3transfer": logging.WARNING,
    "urllib3": logging.ERROR,
    "uvicorn.access": logging.CRITICAL,
}
_TAKEN_OVER = ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi")
_replaced: list[logging.Handler] = []
_LEVEL_NAMES = {number: name for name, number in LEVELS.items()}


class PipelineHandler(logging.Handler):
    """Turns records into events; their arguments are scrubbed with the message."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            PIPELINE.write(PIPELINE.event(_level(record.levelno), _message(record), record.name, _fields(record)))
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:
        """Say that a line could not be written without repeating what it held."""
        PIPELINE.write(PIPELINE.event("error", "log record could not be written", record.name, {}))


def capture(level: str) -> None:
    """Take over the root logger and the handlers that uvicorn installs, and route warnings through logging."""
    root = logging.getLogger()
    if not any(isinstance(handler, PipelineHandler) for handler in root.handlers):
        _replaced[:] = root.handlers
    root.handlers = [PipelineHandler()]
    root.setLevel(LEVELS[level])
    for name in _TAKEN_OVER:
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.NOTSET)
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, LEVELS[level]))
    logging.captureWarnings(True)


def capture_uncaught() -> None:
    """Log what ends the process or a thread, scrubbed, instead of printing it as it is."""
    sys.excepthook = _log_uncaught
    threading.excepthook = _log_uncaught_in_thread


def release() -> None:
    """Give uncaught exceptions, warnings and the root logger's former handlers back."""
    if _replaced:
        logging.getLogger().handlers = list(_replaced)
    sys.excepthook = sys.__excepthook__
    threading.excepthook = threading.__excepthook__
    logging.captureWarnings(False)


def _log_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    PIPELINE.write(PIPELINE.event("critical", "uncaught exception", "clarivum", {"exc_info": error}))
    PIPELINE.writer.flush()


def _log_uncaught_in_thread(arguments: threading.ExceptHookArgs) -> None:
    thread = arguments.thread.name if arguments.thread else ""
    if arguments.exc_value is not None and not isinstance(arguments.exc_value, SystemExit):
        fields: dict[str, object] = {"exc_info": arguments.exc_value, "thread": thread}
        PIPELINE.write(PIPELINE.event("critical", "uncaught exception in a thread", "clarivum", fields))


def _level(number: int) -> str:
    return _LEVEL_NAMES.get(number) or next(
        (name for name, least in reversed(LEVELS.items()) if number >= least), "debug"
    )


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # arguments that do not fit the format: show the format
        return str(record.msg)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields: dict[str, object] = {}
    if record.exc_info:
        fields["exc_info"] = record.exc_info
    if record.stack_info:
        fields["stack"] = record.stack_info
    return fields
