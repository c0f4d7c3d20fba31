"""When a schedule is due. Pure: the time is an argument.

Expressions are Debian cron's, read by cronsim: five fields, or six with seconds first. What daylight saving makes of
them is in zoned_ticks.py.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from clarivum.jobs.zoned_ticks import latest_tick, next_tick

LATE_BY_AT_MOST = timedelta(seconds=60)


class Missed(StrEnum):
    """What happens to ticks that passed while no worker ran."""

    SKIP = "skip"
    """Dropped, if more than LATE_BY_AT_MOST ago."""
    ONCE = "once"
    """The latest of them fires, once."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone. Make it with `parse_schedule`."""

    expression: str
    timezone: str
    missed: Missed

    def next_tick(self, after: datetime) -> datetime:
        """The first tick strictly after `after`, in UTC."""
        return next_tick(self.expression, ZoneInfo(self.timezone), after)

    def latest_tick(self, now: datetime) -> datetime:
        """The last tick at or before `now`, in UTC."""
        return latest_tick(self.expression, ZoneInfo(self.timezone), now)

    def due(self, last: datetime, now: datetime) -> datetime | None:
        """The tick to fire now, given the last one that was handled; None when nothing is due. Never more than one."""
        latest = self.latest_tick(now)
        if latest <= last:
            return None
        if self.missed is Missed.SKIP and now - latest > LATE_BY_AT_MOST:
            return None
        return latest


def parse_schedule(expression: str, timezone: str, missed: str, *, now: datetime) -> Schedule:
    """Read a schedule. Raises ValueError saying what is wrong: syntax, zone, rule, or that it never fires."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"time zone {timezone!r} is not in the IANA database") from None
    try:
        rule = Missed(missed)
    except ValueError:
        raise ValueError(f"missed must be 'skip' or 'once', not {missed!r}") from None
    try:
        next(CronSim(expression, now.astimezone(zone)))
    except CronSimError as error:
        raise ValueError(f"cron expression {expression!r}: {error}") from None
    except StopIteration:
        raise ValueError(f"cron expression {expression!r} never fires") from None
    return Schedule(expression, timezone, rule)
