"""docs/benchmarks.md: that the figures stand where they belong, and that the page is the one of the kept results."""

from pathlib import Path

from benchmarks.harness.report import FIRST_LINE, number, page, render, spread, summary
from benchmarks.harness.results import Aim, Cpu, Layer, Missing, Result, Run, Scenario, Target
from benchmarks.harness.spread import Spread

ROOT = Path(__file__).parents[3]


def run(per_second: float, p50_ms: float | None = 2.0, p99_ms: float | None = 5.0, errors: int = 0) -> Run:
    spent = Cpu(server=0.5, database=0.25, generator=0.1)
    return Run(per_second=per_second, units=10_000, errors=errors, p50_ms=p50_ms, p99_ms=p99_ms, cpu_s=spent)


def target(name: str, *rates: float, hits: float | None = None) -> Target:
    runs = tuple(run(rate) for rate in rates)
    return Target(name=name, title=name.title(), note=f"how {name} works", runs=runs, token_cache_hits=hits)


def result(*scenarios: Scenario) -> Result:
    return Result(
        command="./clarivum bench request",
        date="2026-11-01",
        settings={"runs": "3 rounds"},
        database={"fsync": "on"},
        versions={"bun": "1.4.5"},
        scenarios=scenarios,
    )


def scenario(*targets: Target, **more: object) -> Scenario:
    values = {"name": "read", "title": "A read", "about": "What it does.", "unit": "request", "targets": targets}
    return Scenario.model_validate(values | more)


def test_rows_are_sorted_by_what_was_measured_and_ours_stands_out() -> None:
    text = render([result(scenario(target("bun", 900, 800, 1_000), target("ours", 1_250, 1_200, 1_300)))])
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    ours = next(line for line in rows if "**Ours**" in line)
    bun = next(line for line in rows if "| Bun |" in line)
    assert rows.index(ours) < rows.index(bun)
    assert "| 1,250 (1,200–1,300) | 2 (2–2) | 5 (5–5) | 0 | 50 | 25 | 10 |" in ours


def test_cpu_is_a_median_a_unit() -> None:
    assert target("ours", 1, 2, 3).cpu_us == Cpu(server=50.0, database=25.0, generator=10.0)


def test_errors_of_all_runs_are_added_up() -> None:
    failing = Target(name="x", title="X", runs=(run(1, errors=2), run(1), run(1, errors=1)))
    assert failing.errors == 3
    assert "| 3 |" in render([result(scenario(failing))])


def test_an_aim_that_is_not_met_is_called_short() -> None:
    slow = Aim(text="read", wanted=1.25, unit="×", at_least=True, measured=Spread(1.0, 1.1, 1.3, 3))
    late = Aim(text="p99", wanted=4.5, unit="ms", at_least=False, measured=Spread(3.0, 4.0, 9.0, 3))
    text = render([result(scenario(target("ours", 1.0), aims=(slow, late)))])
    assert "1 of 2 are met" in text
    assert "| read | ≥ 1.25 × | 1.1 (1–1.3) × | **short** |" in text
    assert "| p99 | ≤ 4.5 ms | 4 (3–9) ms | met |" in text


def test_who_could_not_be_measured_is_named_with_the_reason() -> None:
    text = render([result(scenario(target("ours", 1.0), missing=(Missing(title="Bun", reason="npm is not on PATH"),)))])
    assert "- Bun: npm is not on PATH" in text


def test_the_profile_and_the_token_cache_are_shown() -> None:
    layers = (Layer(name="libpq", share=0.25, top=(("wire._flush", 0.2),)),)
    text = render([result(scenario(target("ours", 1.0, hits=0.9991), profile=layers))])
    assert "| libpq | 25.0% | `wire._flush` 20.0% |" in text
    assert "| 99.9% |" in text


def test_paced_work_shows_latency_alone_and_the_quickest_first() -> None:
    quick = Target(name="quick", title="Quick", runs=(run(200, p50_ms=1.5),))
    slow = Target(name="slow", title="Slow", runs=(run(200, p50_ms=3.0),))
    text = render([result(scenario(slow, quick, paced=True))])
    assert "| Quick | 1.5 | 5 | 0 |" in text
    assert text.index("| Quick") < text.index("| Slow")
    assert "request/s" not in text


def test_each_note_is_said_once() -> None:
    text = render([result(scenario(target("bun", 1.0)), scenario(target("bun", 2.0), name="again"))])
    assert text.count("how bun works") == 1


def test_numbers_keep_three_digits() -> None:
    assert [number(value) for value in (12_345.6, 123.4, 12.34, 1.2345, 0.01234, 0)] == [
        "12,346",
        "123",
        "12.3",
        "1.23",
        "0.0123",
        "0",
    ]
    assert spread(None) == "–"
    assert spread(Spread.of([7.0])) == "7"


def test_a_result_survives_being_kept(tmp_path: Path) -> None:
    kept = result(scenario(target("ours", 1.5, 2.5), profile=(Layer(name="api", share=1.0, top=(("f", 1.0),)),)))
    kept.save("request", tmp_path)
    assert Result.load("request", tmp_path) == kept
    assert Result.load("jobs", tmp_path) is None


def test_a_summary_says_under_which_conditions() -> None:
    text = summary(result(scenario(target("ours", 1.0))))
    assert "Measured on 2026-11-01 with `./clarivum bench request`" in text
    assert "fsync on" in text
    assert "bun 1.4.5" in text


def test_the_page_is_the_one_of_the_kept_results() -> None:
    found = (ROOT / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert found.startswith(FIRST_LINE)
    assert found == page(), "docs/benchmarks.md is out of date: ./clarivum bench request|jobs|imports|ledger --write"
