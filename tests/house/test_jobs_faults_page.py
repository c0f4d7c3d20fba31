"""docs/jobs-faults.md names tests that exist; docs/soak.md tells of the soak whose result is kept."""

import re
from pathlib import Path

from benchmarks.soak.report import page
from benchmarks.soak.run import PAGE, kept

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "jobs-faults.md").read_text(encoding="utf-8")
TEST = re.compile(r"\[(test_\w+)\]\(\.\./(tests/[\w/]+\.py)\)")


def test_every_fault_names_its_tests_and_they_exist() -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")][1:]
    assert len(rows) >= 18
    for row in rows:
        named = TEST.findall(row)
        assert named, row
        for name, path in named:
            assert re.search(rf"^(async )?def {name}\(", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE), row


def test_the_soak_page_tells_what_was_kept() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(kept())


def test_the_soak_that_is_told_of_was_whole_and_clean() -> None:
    result = kept()
    assert result.complaints == []
    assert (result.count.lost, result.count.twice, result.count.effects) == (0, 0, result.asked.jobs)
    assert result.asked.jobs >= 20_000
    assert sum(result.killed.values()) >= 200
    assert result.injected["database restarted"] >= 50
