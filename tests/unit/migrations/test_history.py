"""A folder compared with a history; the pace of retries."""

from pathlib import Path

import pytest

from clarivum.database.migrations.files import Migration, read_migration
from clarivum.database.migrations.history import Applied, Status, compare, fingerprint, refuse_disagreement
from clarivum.database.migrations.push import lock_backoff_s
from clarivum.errors import MIGRATION_REFUSED, RefusedError


def migration(folder: Path, version: int, text: str = "select 1") -> Migration:
    path = folder / f"{version:014d}_m{version}.sql"
    path.write_text(text)
    return read_migration(path)


def row(version: int, *statements: str) -> Applied:
    return Applied(f"{version:014d}", f"m{version}", statements or ("select 1",))


def test_what_comes_after_the_newest_applied_one_is_pending(tmp_path: Path) -> None:
    files = [migration(tmp_path, version) for version in (1, 2, 3)]
    status = compare(files, [row(1)])
    assert status.pending == tuple(files[1:])
    assert not status.in_step
    refuse_disagreement(status)
    assert compare(files[:1], [row(1)]).in_step


def test_an_edited_file_stops_everything(tmp_path: Path) -> None:
    status = compare([migration(tmp_path, 1, "select 2"), migration(tmp_path, 2)], [row(1)])
    assert [edited.version for edited in status.edited] == [f"{1:014d}"]
    with pytest.raises(RefusedError, match="edited after it was applied") as refused:
        refuse_disagreement(status)
    assert refused.value.code is MIGRATION_REFUSED


def test_a_file_older_than_the_newest_applied_one_is_late(tmp_path: Path) -> None:
    status = compare([migration(tmp_path, version) for version in (1, 2, 3)], [row(1), row(3)])
    assert [late.name for late in status.late] == ["m2"]
    assert status.pending == ()
    with pytest.raises(RefusedError, match=rf"m2\.sql: older than the newest.*after {3:014d}"):
        refuse_disagreement(status)


def test_an_applied_version_without_a_file_is_missing(tmp_path: Path) -> None:
    status = compare([migration(tmp_path, 1)], [row(1), row(2)])
    with pytest.raises(RefusedError, match=f"not in the folder: {2:014d}"):
        refuse_disagreement(status)


def test_a_row_without_statements_cannot_be_compared(tmp_path: Path) -> None:
    status = compare([migration(tmp_path, 1, "select 2")], [Applied(f"{1:014d}", "m1", None)])
    assert status == Status(applied=status.applied, pending=())


@pytest.mark.parametrize(
    "other",
    [
        ["select 1 -- why", "select 'é'"],
        ["select 1;", "-- what\nselect   'é' ;"],
        ["select 1;\nselect 'é'"],
        ["/* a /* nested */ comment */ select\n1", ";", "select 'é'"],
    ],
)
def test_comments_white_space_and_another_way_of_splitting_are_no_edit(other: list[str]) -> None:
    assert fingerprint(other) == fingerprint(["select 1", "select 'é'"])


@pytest.mark.parametrize(
    "other", [["select 1", "select 'e'"], ["select 1"], ["select 'é'", "select 1"], ["select 1", "select 'é '"]]
)
def test_another_token_is_an_edit(other: list[str]) -> None:
    assert fingerprint(other) != fingerprint(["select 1", "select 'é'"])


def test_line_ends_of_windows_are_no_edit_inside_a_functions_body_either(tmp_path: Path) -> None:
    text = "create function f() returns text language sql as $$\nselect 'a'\n$$;\nselect 1;\n"
    unix = migration(tmp_path, 1, text)
    path = tmp_path / "windows" / unix.path.name
    path.parent.mkdir()
    path.write_bytes(text.replace("\n", "\r\n").encode())
    windows = read_migration(path)
    assert windows.texts != unix.texts
    assert compare([windows], [row(1, *unix.texts)]).edited == ()
    assert compare([unix], [row(1, *windows.texts)]).edited == ()


def test_pauses_double_up_to_a_limit_with_full_jitter() -> None:
    assert [lock_backoff_s(attempt, lambda: 1.0) for attempt in (1, 2, 3, 6, 7, 60)] == [0.25, 0.5, 1.0, 8.0, 8.0, 8.0]
    assert lock_backoff_s(3, lambda: 0.0) == 0.0
    assert lock_backoff_s(3, lambda: 0.5) == 0.5
