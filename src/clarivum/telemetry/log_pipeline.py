"""The one way of a log event to the output: trace ids added, every value scrubbed, one JSON document a line.

structlog loggers, the standard library's loggers and access lines all end here.
"""

import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import orjson

from clarivum.telemetry.exceptions import qualified_name, stack
from clarivum.telemetry.export_metrics import LOG_LINES_DROPPED
from clarivum.telemetry.line_writer import DirectWriter, LineWriter
from clarivum.telemetry.scrubbing import INTEGER_LIMIT, STARS, is_secret_key, scrub, scrub_value
from clarivum.telemetry.spans import active_span

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
MAX_LINE_BYTES = 65_536
_FIXED = ("timestamp", "level", "event", "logger", "service", "trace_id", "span_id")
_MAX_DIGITS = 64
Event = dict[str, object]


class LineOutput(Protocol):
    """What takes finished lines."""

    def write(self, line: bytes, urgent: bool = False) -> None: ...

    def flush(self, timeout_s: float = ...) -> bool: ...

    def close(self, timeout_s: float = ...) -> bool: ...


class LogPipeline:
    """Where events end up. Before `configure` it writes JSON at level info to standard error."""

    __slots__ = ("access_lines", "json", "min_level", "render", "service", "writer")

    def __init__(self) -> None:
        self.service = "clarivum"
        self.min_level = LEVELS["info"]
        self.access_lines = False
        self.json = True
        self.render: Callable[[Event], bytes] = render_json
        self.writer: LineOutput = DirectWriter()

    def open(
        self, descriptor: int, *, service: str, level: str, access_lines: bool, render: Callable[[Event], bytes]
    ) -> None:
        """Send what follows to `descriptor`."""
        self.service = scrub(service)
        self.min_level = LEVELS[level]
        self.access_lines = access_lines and self.min_level <= LEVELS["info"]
        self.json = render is render_json
        self.render = render
        previous, self.writer = self.writer, LineWriter(descriptor, self._log_dropped)
        previous.close()

    def write(self, event: Event) -> None:
        """Render and write an event made by `event`."""
        self.writer.write(self.render(event), LEVELS.get(str(event["level"]), 0) >= LEVELS["error"])

    def event(self, level: str, text: object, logger: str, fields: MutableMapping[str, object]) -> Event:
        """The whole event: fixed fields first, then the given ones, scrubbed. `fields` is used up.

        A field that would take a fixed one's name gets an underscore after it.
        """
        active = active_span()
        event: Event = {
            "timestamp": datetime.now(UTC),
            "level": level,
            "event": scrub(text if isinstance(text, str) else str(text)),
            "logger": logger,
            "service": self.service,
        }
        if active is not None:
            event["trace_id"] = active.trace_id_hex
            event["span_id"] = active.span_id_hex
        error = _exception_of(fields.pop("exc_info", None))
        for key, value in fields.items():
            name, hidden = _field(key)
            event[name] = STARS if hidden and value is not None else scrub_value(value)
        if error is not None:
            event["exception_type"] = qualified_name(error)
            event["exception"] = stack(error)
        return event

    def _log_dropped(self, lines: int) -> None:
        LOG_LINES_DROPPED.add(lines)
        self.write(self.event("warning", "log lines dropped", "clarivum.telemetry", {"lines": lines}))


def render_json(event: Event) -> bytes:
    """One line of UTF-8 JSON, at most 64 KiB. What JSON cannot hold (lone surrogates, huge integers) is replaced."""
    try:
        line = orjson.dumps(event, option=orjson.OPT_UTC_Z)
    except TypeError:
        line = orjson.dumps(_representable(event), option=orjson.OPT_UTC_Z)
    if len(line) <= MAX_LINE_BYTES:
        return line
    kept = {key: event[key] for key in _FIXED if key in event}
    return orjson.dumps(_representable({**kept, "left_out_bytes": len(line)}), option=orjson.OPT_UTC_Z)


@lru_cache(maxsize=2_048)
def _field(key: str) -> tuple[str, bool]:
    """The name a field is shown under, and whether its value is hidden."""
    name = scrub(key)
    return (f"{name}_" if name in _FIXED else name), is_secret_key(key)


def _representable(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return f"{value:x}"[:_MAX_DIGITS]
    if isinstance(value, dict):
        return {str(_representable(str(key))): _representable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_representable(item) for item in value]
    return value


def _exception_of(info: object) -> BaseException | None:
    if not info:
        return None
    if isinstance(info, BaseException):
        return info
    if isinstance(info, tuple):
        return info[1] if len(info) == 3 and isinstance(info[1], BaseException) else None
    return sys.exc_info()[1]


PIPELINE = LogPipeline()
