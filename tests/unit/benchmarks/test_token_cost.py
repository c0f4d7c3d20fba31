"""`./clarivum bench tokens`: every token of the tests' table is measured, under the reason for which it is refused."""

from benchmarks.token_cost import ACCEPTED, CACHED, Cost, measure, summary
from tests.unit.auth.refused_tokens import REFUSED_TOKENS


def test_every_token_is_measured_under_its_reason() -> None:
    costs = {cost.outcome: cost for cost in measure(repeats=1)}
    refused = {outcome: cost.tokens for outcome, cost in costs.items() if outcome.startswith("refused: ")}
    assert sum(refused.values()) == len(REFUSED_TOKENS)
    assert set(costs) == {ACCEPTED, CACHED, *(f"refused: {reason.value}" for _, reason in REFUSED_TOKENS.values())}
    assert all(cost.seconds and min(cost.seconds) > 0 for cost in costs.values())


def test_the_summary_says_whether_the_aim_is_met() -> None:
    quick, slow = Cost("refused: claims", 1, [0.001] * 99 + [0.004]), Cost("refused: claims", 1, [0.006] * 100)
    assert "Refused in under 5 ms: met (slowest p99 4.000 ms, worst call 4.000 ms)." in summary([quick])
    assert "Refused in under 5 ms: short" in summary([slow])
    assert "| refused: claims | 1 | 1.000 | 4.000 | 4.000 |" in summary([quick])
