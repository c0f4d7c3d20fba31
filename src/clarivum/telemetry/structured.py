"""structlog, wired to the pipeline: `log = get_logger(__name__)`, then `log.info("lead captured", source=source)`."""

import os
import sys
import weakref
from collections.abc import Callable, MutableMapping
from datetime import datetime
from typing import Any, cast

from clarivum.telemetry.log_pipeline import LEVELS, PIPELINE, Event

# structlog loads Rich when it is installed, for tracebacks that this pipeline renders itself: 0.1 s that a worker
# should not pay.
_hides_rich = "rich" not in sys.modules
if _hides_rich:
    sys.modules["rich"] = cast(Any, None)
try:
    import structlog
    from structlog.typing import FilteringBoundLogger as BoundLogger
finally:
    if _hides_rich:
        del sys.modules["rich"]

__all__ = ["BoundLogger", "console_renderer", "get_logger", "set_level"]


class _Output:
    """What structlog calls a logger: it takes the finished line."""

    __slots__ = ("name",)

    def __init__(self, name: str = "clarivum") -> None:
        self.name = name

    def debug(self, line: bytes) -> None:
        PIPELINE.writer.write(line)

    info = warning = debug

    def error(self, line: bytes) -> None:
        PIPELINE.writer.write(line, urgent=True)

    critical = error


def _finish(output: Any, level: str, fields: MutableMapping[str, Any]) -> bytes:
    return PIPELINE.render(PIPELINE.event(level, fields.pop("event", ""), output.name, fields))


_proxies: "weakref.WeakSet[Any]" = weakref.WeakSet()


def set_level(level: str, *, cache: bool = True) -> None:
    """Let events from `level` on through, also in loggers that exist already. Goes for plain structlog loggers, too."""
    structlog.configure(
        processors=[_finish],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        context_class=dict,
        logger_factory=_Output,
        cache_logger_on_first_use=cache,
    )
    for proxy in _proxies:
        vars(proxy).pop("bind", None)


def get_logger(name: str) -> BoundLogger:
    """A logger; may be made at import, before `configure`. Fields are keywords, scrubbed whatever they hold."""
    proxy = structlog.get_logger(name)
    _proxies.add(proxy)
    return cast(BoundLogger, proxy)


def console_renderer(descriptor: int) -> Callable[[Event], bytes]:
    """Lines for people, coloured when `descriptor` is a terminal."""
    renderer = structlog.dev.ConsoleRenderer(colors=os.isatty(descriptor), pad_event_to=24)

    def render(event: Event) -> bytes:
        stamp = event.pop("timestamp")
        clock = stamp.astimezone().strftime("%H:%M:%S.%f")[:-3] if isinstance(stamp, datetime) else ""
        event.pop("service", None)
        event.pop("span_id", None)
        return renderer(None, str(event["level"]), {"timestamp": clock, **event}).encode("utf-8", "replace")

    return render


set_level("info", cache=False)
