"""Lifetimes on the command line."""

import pytest

from clarivum.cli.token import lifetime_s
from clarivum.errors import UsageError


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3_600), ("30d", 2_592_000)])
def test_a_lifetime_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    assert lifetime_s(text) == seconds


@pytest.mark.parametrize("text", ["", "1", "h", "0s", "-1h", "31d", "1w", "1.5h", "1h1m", "99999999s"])
def test_anything_else_is_refused_with_what_would_do(text: str) -> None:
    with pytest.raises(UsageError, match="90s, 15m, 1h or 7d"):
        lifetime_s(text)
