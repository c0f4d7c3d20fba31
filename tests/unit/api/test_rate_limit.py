"""Token buckets on a clock that the test turns."""

from clarivum.api.access import Rate
from clarivum.api.rates.limiter import Allowance, RateLimiter, rate_head

TEN_A_MINUTE = Rate(10, 60)


def take(limiter: RateLimiter, caller: str, now: float) -> Allowance:
    """Decided at once, since nobody else is told."""
    allowance = limiter.take(caller, now)
    assert allowance is not None
    return allowance


def test_a_burst_may_use_the_whole_limit_and_then_one_comes_back_at_a_time() -> None:
    limiter = RateLimiter(TEN_A_MINUTE)
    assert [take(limiter, "a", 100.0).remaining for _ in range(10)] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    refused = take(limiter, "a", 100.0)
    assert (refused.granted, refused.remaining, refused.reset_s) == (False, 0, 6)
    assert not take(limiter, "a", 105.9).granted
    assert take(limiter, "a", 106.0).granted
    assert not take(limiter, "a", 106.0).granted


def test_a_refused_request_costs_nothing() -> None:
    limiter = RateLimiter(Rate(1, 10))
    take(limiter, "a", 0.0)
    assert not any(take(limiter, "a", 1.0 + second / 10).granted for second in range(80))
    assert take(limiter, "a", 10.0).granted


def test_callers_do_not_share_a_bucket() -> None:
    limiter = RateLimiter(Rate(1, 60))
    assert take(limiter, "a", 0.0).granted
    assert take(limiter, "b", 0.0).granted
    assert not take(limiter, "a", 0.0).granted


def test_over_a_long_time_the_rate_holds() -> None:
    limiter = RateLimiter(Rate(5, 1))
    granted = sum(take(limiter, "a", step / 100).granted for step in range(10_000))
    assert 500 <= granted <= 505


def test_memory_is_bounded_and_those_with_a_full_bucket_go_first() -> None:
    limiter = RateLimiter(Rate(2, 10), max_callers=100)
    for number in range(50):
        take(limiter, f"early{number}", 0.0)
    for number in range(50):
        take(limiter, f"late{number}", 6.0)
    take(limiter, "new", 7.0)
    assert len(limiter) == 51
    assert take(limiter, "late0", 7.0).remaining == 0
    for number in range(1_000):
        take(limiter, f"flood{number}", 7.0)
    assert len(limiter) == 100


def test_the_head_tells_what_is_left() -> None:
    limiter = RateLimiter(TEN_A_MINUTE)
    take(limiter, "a", 0.0)
    assert rate_head(TEN_A_MINUTE, take(limiter, "a", 0.0)) == (
        b"ratelimit-limit: 10\r\nratelimit-remaining: 8\r\nratelimit-reset: 12\r\n"
    )
