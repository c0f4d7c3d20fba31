"""How a new migration is called."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from clarivum.database.migrations.names import check_name, new_migration_path
from clarivum.errors import RefusedError, UsageError

NOW = datetime(2026, 11, 5, 9, 8, 7, tzinfo=UTC)


def test_the_version_is_the_time_in_utc(tmp_path: Path) -> None:
    assert new_migration_path(tmp_path, "a", NOW) == tmp_path / "20261105090807_a.sql"
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5)))
    assert new_migration_path(tmp_path, "a", elsewhere).name == "20261105090807_a.sql"


@pytest.mark.parametrize(
    ("newest", "expected"),
    [
        ("20261105090806", "20261105090807"),
        ("20261105090807", "20261105090808"),
        ("20271231235959", "20280101000000"),
        ("20279999999999", "20280000000000"),
    ],
)
def test_a_new_file_sorts_after_every_other(tmp_path: Path, newest: str, expected: str) -> None:
    (tmp_path / f"{newest}_a.sql").touch()
    (tmp_path / "99999999999999_notes.md").touch()
    assert new_migration_path(tmp_path, "b", NOW).name == f"{expected}_b.sql"


def test_after_the_last_version_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "99999999999999_a.sql").touch()
    with pytest.raises(RefusedError, match="no version can come after"):
        new_migration_path(tmp_path, "b", NOW)


@pytest.mark.parametrize("name", ["leads_add_phone", "v2.1-fix", "A"])
def test_names_that_both_tools_read_alike(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Add phone!", "add_phone"),
        ("../up", "up"),
        ("_x", "x"),
        ("naïve", "na_ve"),
        ("a/b.sql", "a_b"),
        ("x" * 101, "x" * 100),
    ],
)
def test_another_name_is_refused_with_one_that_would_do(name: str, better: str) -> None:
    with pytest.raises(UsageError, match=f"did you mean '{better}'"):
        check_name(name)


def test_where_nothing_is_left_nothing_is_proposed() -> None:
    with pytest.raises(UsageError, match=r"at most 100$"):
        check_name("")
