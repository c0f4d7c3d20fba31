"""The generated applications that `bench check` measures, and that a check of one finds nothing amiss."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import check_scale
from benchmarks.check_application import PACKAGE, Size, write

SMALL = Size.of(0.02)


def contents(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(root).as_posix(), path.read_bytes()


def test_the_full_size_is_the_one_that_was_asked_for() -> None:
    assert Size.of(1.0) == Size(tables=300, queries=1_000, migrations=500)
    assert Size(tables=6, queries=20, migrations=10) == SMALL


def test_the_same_size_is_the_same_application_and_the_check_finds_only_its_missing_page(tmp_path: Path) -> None:
    roots = [tmp_path / name for name in ("one", "two")]
    for root in roots:
        root.mkdir()
        write(root, SMALL)
    assert list(contents(roots[0])) == list(contents(roots[1]))
    said: list[str] = []
    found = check_scale.run("small", roots[0], f"{PACKAGE}.app:application", said.append)
    assert said == ["checking small"]
    assert found.rules == {"database/erd-out-of-date"}
    assert found.queries == SMALL.queries
    assert found.tables > SMALL.tables
    assert found.seconds > 0


def test_growth_is_an_exponent() -> None:
    assert check_scale.growth(1.0, 2.0, (250, 500)) == pytest.approx(1.0)
    assert check_scale.growth(1.0, 4.0, (250, 500)) == pytest.approx(2.0)
