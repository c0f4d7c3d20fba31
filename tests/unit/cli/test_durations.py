"""Lengths of time on the command line."""

import pytest

from clarivum.cli.durations import seconds_of
from clarivum.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3_600), ("30d", 2_592_000)])
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert seconds_of(text, "--expires", most_days=30) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "31d", "1w", "1.5h", "1h1m", "99999999s", "1h\n", "١h"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UsageError, match=r"--expires .* must be 1s to 30d, written like 90s, 15m, 24h or 7d"):
        seconds_of(text, "--expires", most_days=30)
