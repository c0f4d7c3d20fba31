"""What makes a file a migration, and what is said about one that is none."""

from pathlib import Path

import pytest

from clarivum.database.migrations.files import Migration, discover, judge, read_migration
from clarivum.errors import MIGRATION_REFUSED, Exit, RefusedError

NAME = "20261101000000_first.sql"


def written(folder: Path, text: str | bytes, name: str = NAME) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def judged(path: Path) -> Migration:
    migration = read_migration(path)
    judge(migration)
    return migration


def test_statements_keep_their_comments_and_lose_their_semicolons(tmp_path: Path) -> None:
    text = (
        "-- Grüße\ncreate table a (x text default 'é;');\n\n;;\n/* why */\n  insert into a values ('€'); -- end\n-- .\n"
    )
    migration = judged(written(tmp_path, text))
    assert migration.texts == [
        "-- Grüße\ncreate table a (x text default 'é;')",
        "/* why */\n  insert into a values ('€')",
    ]
    assert [(statement.first_line, statement.line) for statement in migration.statements] == [(1, 2), (5, 6)]
    assert (migration.version, migration.name, str(migration)) == ("20261101000000", "first", NAME.removesuffix(".sql"))
    assert migration.transactional


def test_a_function_body_is_one_statement(tmp_path: Path) -> None:
    text = "create function f() returns void language plpgsql as $$\nbegin\n  perform 1; perform 2;\nend $$;\nselect 1"
    assert len(judged(written(tmp_path, text)).statements) == 2


def test_line_ends_of_windows_are_white_space(tmp_path: Path) -> None:
    migration = judged(written(tmp_path, "select 1;\r\n\r\nselect 2;\r\n"))
    assert migration.texts == ["select 1", "select 2"]
    assert migration.statements[1].line == 3


def test_one_transaction_around_the_whole_file_is_taken_for_ours(tmp_path: Path) -> None:
    migration = judged(written(tmp_path, "begin;\nselect 1;\nsavepoint a;\nrollback to a;\ncommit;"))
    assert [statement.sql for statement in migration.body] == ["select 1", "savepoint a", "rollback to a"]
    assert len(migration.texts) == 5


@pytest.mark.parametrize(
    "text",
    [
        "create index concurrently i on a (x)",
        "create unique index concurrently i on a (x)",
        "drop index concurrently i",
        "reindex table concurrently a",
        "reindex (concurrently) index i",
        "reindex schema public",
        "vacuum a",
        "alter table a detach partition b concurrently",
    ],
)
def test_a_statement_that_no_transaction_takes_stands_alone(tmp_path: Path, text: str) -> None:
    assert not judged(written(tmp_path, f"-- alone\n{text};\n")).transactional
    with pytest.raises(RefusedError, match=rf"{NAME}:2: .*cannot run in a transaction"):
        judged(written(tmp_path, f"select 1;\n{text};"))
    with pytest.raises(RefusedError, match=rf"{NAME}:2: .*without BEGIN"):
        judged(written(tmp_path, f"begin;\n{text};\ncommit;"))


@pytest.mark.parametrize(
    "text", ["analyze a", "refresh materialized view concurrently m", "alter type t add value 'x'"]
)
def test_what_a_transaction_takes_may_stand_with_others(tmp_path: Path, text: str) -> None:
    assert judged(written(tmp_path, f"select 1; {text};")).transactional


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (b"\xef\xbb\xbfselect 1;", 1, "byte-order mark"),
        ("select 1;".encode("utf-16"), 1, "byte-order mark"),
        (b"select 1;\nselect '\xff';", 2, "not UTF-8 at byte 18"),
        (b"select 1;\n\nselect '\x00';", 3, "NUL"),
        ("select 1;\ncreate tabl x ();\n", 2, 'syntax error at or near "tabl"; nothing was applied\n    create tabl x'),
        ("-- é\nselect 'é' from from a;", 2, 'at or near "from"'),
        ("select 1;\n\ncreate table a (\n", 3, "syntax error at end of input"),
        ("select 'a\n\n", 1, "unterminated quoted string"),
        ("select 1;\n\\i other.sql\n", 2, "psql command"),
        ("\\connect postgres", 1, "psql command"),
        ("select 1;\nbegin;\nselect 2;", 2, "BEGIN, COMMIT and ROLLBACK"),
        ("select 1;\ncommit;", 2, "BEGIN, COMMIT and ROLLBACK"),
        ("begin;\nselect 1;\ncommit;\nbegin;\nselect 2;\ncommit;", 3, "BEGIN, COMMIT and ROLLBACK"),
        ("begin;\nselect 1;\nrollback;", 1, "BEGIN, COMMIT and ROLLBACK"),
        ("prepare transaction 'x'", 1, "BEGIN, COMMIT and ROLLBACK"),
        ("create database other", 1, "whole server"),
        ("select 1;\nalter system set work_mem = '1GB'", 2, "whole server"),
        ("copy a from stdin;\n", 1, "COPY FROM STDIN"),
        ("create index concurrently on a (x)", 1, "name the index"),
        ("", 1, "holds no statement"),
        ("-- to be written\n", 1, "holds no statement"),
        ("begin; commit;", 1, "holds no statement"),
    ],
)
def test_a_file_that_cannot_be_applied_is_refused_with_its_line(
    tmp_path: Path, text: str | bytes, line: int, reason: str
) -> None:
    with pytest.raises(RefusedError) as refused:
        judged(written(tmp_path, text))
    assert refused.value.code is MIGRATION_REFUSED
    assert refused.value.code.exit is Exit.REFUSED
    assert refused.value.detail.startswith(f"{tmp_path / NAME}:{line}: ")
    assert reason in refused.value.detail


@pytest.mark.parametrize(
    "name",
    [
        "20261101000000_two words.sql",
        "20261101000000 first.sql",
        "first.sql",
        "2026_first.sql",
        "20261101000000_.sql",
        "20261101000000.sql",
        "20261101000000_first.SQL",
        "20261101000000_naïve.sql",
    ],
)
def test_a_name_that_a_tool_could_misread_is_refused(tmp_path: Path, name: str) -> None:
    written(tmp_path, "select 1", name)
    with pytest.raises(RefusedError, match="a migration is named"):
        discover(tmp_path)


def test_two_files_of_one_version_are_refused(tmp_path: Path) -> None:
    written(tmp_path, "select 1", "20261101000000_a.sql")
    written(tmp_path, "select 1", "20261101000000_b.sql")
    with pytest.raises(RefusedError, match=r"_b\.sql:1: version 20261101000000 is also the version of .*_a\.sql"):
        discover(tmp_path)


def test_files_come_oldest_first_and_what_is_no_sql_is_left_alone(tmp_path: Path) -> None:
    for name in ("20261102000000_b.sql", "20261101000000_a.sql", "README.md", ".20261103000000_hidden.sql"):
        written(tmp_path, "select 1", name)
    assert [migration.name for migration in discover(tmp_path)] == ["a", "b"]


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="there is no such folder"):
        discover(tmp_path / "absent")
