"""The ticks of a cron expression as moments in time, also where a zone's clock is put forward or back. Pure.

cronsim reads the expression and finds matching wall clock times; what they mean in a zone is decided here, as Debian's
cron does. A five-field expression at fixed hours fires once for each: at the first of two moments, and right after the
gap where there is none. One whose minutes or hours begin with `*`, or that has seconds, follows real time: twice where
the clock shows a time twice, never where it does not show it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

SECOND, INSTANT = timedelta(seconds=1), timedelta(microseconds=1)
STRIDE = timedelta(hours=6)
"""No zone has put its clock back and forth within this."""
MARGIN = timedelta(hours=26)
"""More than any clock was ever put forward or back: Samoa left out a day."""


def next_tick(expression: str, zone: ZoneInfo, after: datetime) -> datetime:
    """The first tick strictly after `after`, in UTC. Raises StopIteration when there is none within fifty years."""
    after = after.astimezone(UTC)
    if _is_at_fixed_hours(expression):
        begin = _wall(after, zone) - _margin(after, zone)
        return next(moment for moment in _moments(expression, zone, begin) if moment > after)
    segment, wall = after, _wall(after, zone)
    while True:
        moment = next(CronSim(expression, wall)).replace(tzinfo=UTC) - _offset(segment, zone)
        change = _first_change(zone, segment, moment)
        if change is None:
            return moment
        segment, wall = change, _wall(change, zone) - SECOND


def latest_tick(expression: str, zone: ZoneInfo, now: datetime) -> datetime:
    """The last tick at or before `now`, in UTC. Raises StopIteration when there was none within fifty years."""
    now = now.astimezone(UTC)
    if _is_at_fixed_hours(expression):
        begin = _wall(now, zone) + _margin(now, zone)
        return next(moment for moment in _moments(expression, zone, begin, reverse=True) if moment <= now)
    segment = now
    while True:
        wall = next(CronSim(expression, _wall(segment, zone) + INSTANT, reverse=True))
        moment = wall.replace(tzinfo=UTC) - _offset(segment, zone)
        change = _last_change(zone, moment, segment)
        if change is None:
            return moment
        segment = change - SECOND


def _is_at_fixed_hours(expression: str) -> bool:
    fields = expression.split()
    return len(fields) == 5 and not fields[0].startswith("*") and not fields[1].startswith("*")


def _moments(expression: str, zone: ZoneInfo, begin: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    """What each matching wall clock time stands for, from `begin` on; in order."""
    for wall in CronSim(expression, begin + INSTANT if reverse else begin, reverse=reverse):
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
        if _wall(moment, zone) != wall:  # the clock did not show it
            change = _first_change(zone, moment - MARGIN, moment)
            moment = moment if change is None else change
        yield moment


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    """What the clock shows, without its zone."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    offset = moment.astimezone(zone).utcoffset()
    assert offset is not None
    return offset


def _margin(moment: datetime, zone: ZoneInfo) -> timedelta:
    """How far wall clock times near `moment` may be out of order: not at all where the clock is left alone."""
    changes = _first_change(zone, moment - MARGIN, moment + MARGIN) is not None
    return MARGIN if changes else timedelta(0)


def _first_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The first moment in (after, until] at which the clock is put forward or back."""
    while after < until:
        ahead = min(after + STRIDE, until)
        if _offset(ahead, zone) != _offset(after, zone):
            return _change_between(zone, after, ahead)
        after = ahead
    return None


def _last_change(zone: ZoneInfo, after: datetime, until: datetime) -> datetime | None:
    """The last one in (after, until]."""
    while after < until:
        behind = max(until - STRIDE, after)
        if _offset(behind, zone) != _offset(until, zone):
            return _change_between(zone, behind, until)
        until = behind
    return None


def _change_between(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The whole second at which the offset of `before` ends. Zones change at whole seconds."""
    before = before.replace(microsecond=0)
    while after - before > SECOND:
        middle = before + ((after - before) / 2 // SECOND) * SECOND
        if _offset(middle, zone) == _offset(before, zone):
            before = middle
        else:
            after = middle
    return before + SECOND
