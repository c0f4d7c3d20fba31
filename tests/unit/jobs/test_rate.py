"""A rate as it is declared, and what follows from it."""

import pytest

from clarivum.jobs.rate import Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "rate", "burst", "most"),
    [
        ("1/day", Rate(1, 86_400), 1, 1),
        ("10/hour", Rate(10, 3_600), 1, 10),
        ("100/minute", Rate(100, 60), 10, 109),
        ("999999/second", Rate(999_999, 1), 99_999, 1_099_997),
    ],
)
def test_a_rate_says_how_many_at_once_and_at_most(text: str, rate: Rate, burst: int, most: int) -> None:
    assert parse_rate(text) == rate
    assert (rate.burst, rate.most, str(rate)) == (burst, most, text)
    assert rate.spacing_s * rate.count == pytest.approx(rate.interval_s)


@pytest.mark.parametrize(
    "text", ["", "0/minute", "-1/hour", "1.5/hour", "1000000/day", "10/week", "10", "10 / minute", 7]
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must read like 100/minute"):
        parse_rate(text)
