"""Lengths of time as people write them: `90s`, `15m`, `24h`, `7d`."""

import re

from clarivum.errors import UsageError

UNIT_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
WRITTEN = re.compile(r"([0-9]{1,7})([smhd])")


def seconds_of(text: str, option: str, *, most_days: int) -> int:
    """Whole seconds, from one to `most_days` days. Raises UsageError, which names the option."""
    match = WRITTEN.fullmatch(text)
    seconds = int(match[1]) * UNIT_S[match[2]] if match else 0
    if not 1 <= seconds <= most_days * UNIT_S["d"]:
        raise UsageError(f"{option} {text!r} must be 1s to {most_days}d, written like 90s, 15m, 24h or 7d")
    return seconds
