"""What a token costs the verifier: accepted, found in the cache, and refused for each reason.

    ./clarivum bench tokens

The tokens are those of tests/unit/auth/refused_tokens.py, the table that the tests refuse, each signed for real; the
key set is at hand. One process, one core, no network. Times are of single calls: median, 99th percentile, worst.
"""

import asyncio
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from joserfc.jwk import RSAKey

from clarivum.auth import TokenRefusedError, TokenVerifier
from clarivum.errors import RequestError
from tests.unit.auth.forge import SETTINGS, Endpoint, Forge, TurnedClock
from tests.unit.auth.refused_tokens import REFUSED_TOKENS

REPEATS = 200
AIM_MS = 5.0
ACCEPTED, CACHED = "accepted", "found in the cache"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of the calls that ended alike, and how many different tokens there were."""

    outcome: str
    tokens: int
    seconds: Sequence[float]

    def quantile_ms(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1_000


def measure(repeats: int = REPEATS, say: Callable[[str], None] = lambda text: None) -> list[Cost]:
    """Verify every token `repeats` times, each time by a verifier that has not seen it; refusals by their reason."""
    forge, stranger = Forge(RSAKey.generate_key(2_048)), Forge(RSAKey.generate_key(2_048))
    say(f"{len(REFUSED_TOKENS)} refused tokens, {repeats} times each")
    return asyncio.run(_measure(forge, stranger, repeats))


async def _measure(forge: Forge, stranger: Forge, repeats: int) -> list[Cost]:
    good = forge.token()
    tokens: defaultdict[str, list[str]] = defaultdict(list)
    for make, reason in REFUSED_TOKENS.values():
        tokens[f"refused: {reason.value}"].append(make(forge, stranger))
    verifier = await _verifier(forge)
    # A cache of one entry that another token takes: the good one is always checked anew.
    forgetful, others = await _verifier(forge, capacity=1), [forge.token(jti=str(number)) for number in range(2)]
    costs = [Cost(ACCEPTED, len(others), [await _timed(forgetful, others[turn % 2]) for turn in range(repeats)])]
    await verifier.verify(good)
    costs.append(Cost(CACHED, 1, [await _timed(verifier, good) for _ in range(repeats)]))
    gc.disable()  # a collection belongs to no call
    try:
        for outcome, members in sorted(tokens.items()):
            seconds = [await _timed(verifier, token) for token in members for _ in range(repeats)]
            costs.append(Cost(outcome, len(members), seconds))
    finally:
        gc.enable()
    await asyncio.gather(verifier.close(), forgetful.close())
    return costs


async def _verifier(forge: Forge, capacity: int = 10_000) -> TokenVerifier:
    verifier = TokenVerifier(SETTINGS, TurnedClock(), Endpoint(forge.key_set()), capacity=capacity)
    await verifier.warm()
    return verifier


async def _timed(verifier: TokenVerifier, token: str) -> float:
    began = time.perf_counter()
    try:
        if verifier.cached(token) is None:
            await verifier.verify(token)
    except (TokenRefusedError, RequestError):
        pass
    return time.perf_counter() - began


def summary(costs: Sequence[Cost]) -> str:
    """The table, and whether every refusal stayed below the aim."""
    lines = ["| outcome | tokens | p50 ms | p99 ms | worst ms |", "| --- | ---: | ---: | ---: | ---: |"]
    for cost in costs:
        figures = " | ".join(f"{cost.quantile_ms(share):.3f}" for share in (0.5, 0.99, 1.0))
        lines.append(f"| {cost.outcome} | {cost.tokens} | {figures} |")
    refusals = [cost for cost in costs if cost.outcome.startswith("refused")]
    p99 = max(cost.quantile_ms(0.99) for cost in refusals)
    worst = max(cost.quantile_ms(1.0) for cost in refusals)
    met = "met" if p99 < AIM_MS else "short"
    lines += ["", f"Refused in under {AIM_MS:g} ms: {met} (slowest p99 {p99:.3f} ms, worst call {worst:.3f} ms)."]
    return "\n".join(lines)
