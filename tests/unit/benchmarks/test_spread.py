"""The arithmetic of a benchmark: what several runs say together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.harness.spread import Spread, paired_ratio, percentile, rotated


def test_spread_names_the_middle_and_both_ends() -> None:
    spread = Spread.of([300.0, 100.0, 250.0])
    assert (spread.minimum, spread.median, spread.maximum, spread.runs) == (100.0, 250.0, 300.0, 3)
    assert spread.relative == pytest.approx(0.8)


def test_spread_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="no run"):
        Spread.of([])


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.001, 1)],
)
def test_percentile_is_the_nearest_rank(share: float, expected: int) -> None:
    assert percentile(list(range(1, 101)), share) == expected


@pytest.mark.parametrize("share", [0.0, -0.1, 1.01])
def test_percentile_refuses_a_share_that_is_none(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        percentile([1.0], share)


@given(st.lists(st.floats(0, 1e9), min_size=1), st.floats(0.001, 1))
def test_at_least_that_share_of_values_is_not_above_the_percentile(values: list[float], share: float) -> None:
    ordered = sorted(values)
    found = percentile(ordered, share)
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-6


def test_ratios_are_taken_round_by_round() -> None:
    """Both were twice as fast in the second round: the ratio of each round is the same, that of the medians is not."""
    assert paired_ratio([100, 200, 50], [50, 100, 25]) == Spread(2.0, 2.0, 2.0, 3)


def test_rounds_that_do_not_pair_are_an_error() -> None:
    with pytest.raises(ValueError, match="paired"):
        paired_ratio([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="nothing"):
        paired_ratio([1.0, 2.0], [1.0, 0.0])


def test_everybody_goes_first_once() -> None:
    targets = ["a", "b", "c"]
    rounds = [rotated(targets, number) for number in range(3)]
    assert {order[0] for order in rounds} == set(targets)
    assert all(sorted(order) == targets for order in rounds)
    assert rotated([], 5) == []
