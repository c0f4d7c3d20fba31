"""Which figure each aim is about."""

from benchmarks.harness.results import Cpu, Run, Scenario, Target
from benchmarks.jobs.endurance import ledger_aims, memory_aim
from benchmarks.jobs.scenarios import drain_aims, enqueue_aims, start_aims
from benchmarks.request import capture, read

NOTHING = Cpu(server=0, database=0, generator=0)


def target(name: str, *rates: float, p50_ms: float = 1.0, p99_ms: float = 10.0) -> Target:
    runs = tuple(Run(per_second=rate, units=1, errors=0, p50_ms=p50_ms, p99_ms=p99_ms, cpu_s=NOTHING) for rate in rates)
    return Target(name=name, title=name, runs=runs)


def scenario(*targets: Target) -> Scenario:
    return Scenario(name="s", title="s", about="", unit="job", targets=targets)


def test_the_read_is_held_against_bun_and_raw_asgi() -> None:
    targets = [target("ours", 1_300, 1_250), target("bun", 1_000, 1_000, p99_ms=8.0), target("raw-asgi", 2_000, 2_000)]
    rate, p99, share = read.aims(targets)
    assert (rate.wanted, rate.measured.minimum, rate.measured.maximum, rate.met) == (1.25, 1.25, 1.3, True)
    assert (p99.at_least, p99.measured.median, p99.met) == (False, 1.25, False)
    assert (share.wanted, share.measured.maximum, share.met) == (0.7, 0.65, False)


def test_of_two_buns_the_better_counts_in_each_round() -> None:
    buns = [target("bun", 1_000, 500, p99_ms=5.0), target("bun-shared", 800, 1_000, p99_ms=20.0)]
    rate, p99 = read.aims([target("ours", 1_000, 1_000), *buns])
    assert (rate.measured.minimum, rate.measured.maximum) == (1.0, 1.0)
    assert p99.measured.median == 2.0


def test_without_a_peer_there_is_nothing_to_hold_against() -> None:
    assert read.aims([target("ours", 1.0)]) == ()
    assert capture.aims([target("ours", 1.0)]) == ()
    assert enqueue_aims(scenario()) == start_aims(scenario()) == ()


def test_the_capture_is_held_against_the_same_round_trips() -> None:
    (aim,) = capture.aims([target("ours", 800.0), target("pgbench", 900.0), target("pgbench-pipelined", 1_000.0)])
    assert (aim.wanted, aim.measured.median, aim.met) == (0.7, 0.8, True)


def test_draining_is_held_against_numbers_and_peers() -> None:
    batched = scenario(target("ours-batched", 24_000.0), target("raw-pgmq", 60_000.0), target("pgqueuer", 12_000.0))
    single = scenario(target("ours-single", 4_000.0))
    (rate, raw, pgqueuer), (one,) = drain_aims(batched, single)
    assert (rate.met, rate.wanted) == (True, 20_000)
    assert (raw.met, raw.measured.median) == (False, 0.4)
    assert (pgqueuer.met, pgqueuer.measured.median) == (True, 2.0)
    assert (one.met, one.wanted) == (False, 5_000)


def test_the_start_is_held_against_both_percentiles() -> None:
    p50, p99 = start_aims(scenario(target("ours-single", 200.0, p50_ms=2.6, p99_ms=5.0)))
    assert (p50.text, p50.met) == ("enqueue to start, p50", True)
    assert (p99.text, p99.met) == ("enqueue to start, p99", False)


def test_a_full_ledger_is_held_against_a_fresh_one_round_by_round() -> None:
    found = scenario(target("ours-single", 1_000.0, 500.0, 800.0), target("ours-single-full", 900.0, 500.0, 880.0))
    (aim,) = ledger_aims(found, "single", "text")
    assert (aim.measured.minimum, aim.measured.median, aim.measured.maximum) == (0.9, 1.0, 1.1)
    assert aim.met
    assert ledger_aims(scenario(), "single", "text") == ()


def test_memory_is_held_against_the_first_twentieth() -> None:
    flat, grown = memory_aim([80.0, 84.5, 82.0]), memory_aim([80.0, 84.0, 88.5])
    assert (flat.measured.median, flat.met) == (4.5, True)
    assert (grown.measured.median, grown.met) == (8.5, False)
