"""squawk over files: the real program, with our configuration and no other."""

import os
import sys
from pathlib import Path

import pytest

from clarivum.checks.lint.squawk import OFF, find_squawk, run_squawk
from clarivum.database.migrations.files import discover
from clarivum.errors import ConfigurationError, DependencyDownError, Exit

ROOT = Path(__file__).resolve().parents[3]
SAFE = "create table public.t (id bigint primary key, n int);\ncreate index t_n_idx on public.t (n);\n"


def found(folder: Path, *texts: str) -> list[tuple[str, int, str]]:
    for number, text in enumerate(texts, 1):
        (folder / f"{20261101000000 + number}_m{number}.sql").write_text(text)
    return [(each.migration.name, each.line, each.rule) for each in run_squawk(discover(folder))]


def test_our_own_migrations_have_no_findings() -> None:
    assert run_squawk(discover(ROOT / "supabase" / "migrations")) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SAFE, []),
        ("create index t_n_idx on public.t (n);", [(1, "require-concurrent-index-creation")]),
        ("create index concurrently t_n_idx on public.t (n);", []),
        ("drop index public.t_n_idx;", [(1, "require-concurrent-index-deletion")]),
        ("-- why\n\nalter table public.t\n    add column b text not null;", [(4, "adding-required-field")]),
        ("alter table public.t rename column a to b;", [(1, "renaming-column")]),
        (
            "alter table public.t add constraint c check (n > 0);",
            [(1, "constraint-missing-not-valid")],
        ),
        ("create table public.a (\n  id char(3) primary key\n);", [(2, "ban-char-field")]),
        ("begin;\nalter table public.t alter column n set not null;\ncommit;", [(2, "adding-not-nullable-field")]),
    ],
)
def test_what_it_minds_is_told_with_its_rule_and_line(
    tmp_path: Path, text: str, expected: list[tuple[int, str]]
) -> None:
    assert found(tmp_path, text) == [("m1", *each) for each in expected]


@pytest.mark.parametrize(
    ("columns", "lines"),
    [
        ("n int,\n revision integer not null default 1,\n status smallint", []),
        ("id int primary key,\n n int", [1]),
        ("é text,\n id int generated always as identity", [2]),
        ("id bigint primary key,\n other smallint references public.o (id)", [2]),
        ("n int,\n id int,\n primary key (id)", [2]),
        ("a int, b int,\n foreign key (b) references public.o (id)", [1]),
    ],
)
def test_of_narrow_integers_only_keys_count(tmp_path: Path, columns: str, lines: list[int]) -> None:
    widths = [line for _, line, rule in found(tmp_path, f"create table public.t ({columns})") if "bigint" in rule]
    assert widths == lines


def test_an_integer_key_that_is_added_later_counts(tmp_path: Path) -> None:
    text = "alter table public.t add column n int;\nalter table public.t add column o int references public.o (id);"
    assert (2, "prefer-bigint-over-int") in [each[1:] for each in found(tmp_path, text)]
    assert (1, "prefer-bigint-over-int") not in [each[1:] for each in found(tmp_path, text)]


@pytest.mark.parametrize(
    ("added", "told"),
    [
        ("alter table public.t add constraint t_state check (n in (1, 2)) not valid;", False),
        ("alter table public.t add constraint t_other check (n in (1, 2)) not valid;", True),
        ("alter table public.u add constraint t_state check (n in (1, 2)) not valid;", True),
        ("", True),
    ],
)
def test_a_constraint_that_is_dropped_is_told_unless_the_file_adds_it_again(
    tmp_path: Path, added: str, told: bool
) -> None:
    rules = [rule for *_, rule in found(tmp_path, f"select 1;\nalter table public.t drop constraint t_state;\n{added}")]
    assert rules == (["ban-drop-constraint"] if told else [])


PARTED = "create table public.parted (id bigint, at date) partition by range (at);\n"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("create index parted_at_idx on public.parted (at);", False),
        ("create index parted_at_idx on only parted (at);", False),
        ("drop index public.parted_id_idx;", False),
        ("drop index public.parted_id_idx, public.t_n_idx;", True),
        ("create index part_at_idx on public.part (at);", True),
        ("alter table public.parted rename to readings;\ncreate index readings_at_idx on public.readings (at);", False),
        ("alter table public.parted add constraint p foreign key (id) references public.t (id);", False),
        ("alter table public.part add constraint p foreign key (id) references public.t (id);", True),
        ("alter table public.parted add primary key (id, at);", False),
        ("alter table public.parted add constraint p unique (id, at);", False),
        ("alter table public.parted add constraint p check (id > 0);", True),
    ],
)
def test_of_a_partitioned_table_nothing_is_asked_that_it_lacks(tmp_path: Path, text: str, told: bool) -> None:
    earlier = f"{PARTED}create index parted_id_idx on public.parted (id);\n{SAFE}"
    rules = [rule for name, _, rule in found(tmp_path, earlier, text) if name == "m2" and rule != "renaming-table"]
    assert bool(rules) is told
    first, second = discover(tmp_path)
    pending = [each.rule for each in run_squawk([second], among=[first, second])]
    assert [rule for rule in pending if rule != "renaming-table"] == rules


def test_neither_a_comment_nor_a_file_of_squawk_s_own_makes_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".squawk.toml").write_text('excluded_rules = ["renaming-column"]\n')
    monkeypatch.chdir(tmp_path)
    text = "-- squawk-ignore renaming-column\nalter table public.t rename column a to b;\n"
    assert found(tmp_path, text, "-- squawk-ignore-file\nalter table public.t rename column b to c;") == [
        ("m1", 2, "renaming-column"),
        ("m2", 2, "renaming-column"),
    ]


def test_a_finding_carries_squawk_s_own_help_and_what_a_waiver_names(tmp_path: Path) -> None:
    (tmp_path / "20261101000001_seen.sql").write_text("select 1;\nalter table public.t add column b text not null;")
    (seen,) = run_squawk(discover(tmp_path))
    assert seen.subject == "20261101000001_seen:2 adding-required-field"
    assert "NOT NULL" in seen.message
    assert "nullable" in seen.help


def test_every_rule_that_is_off_is_one_that_squawk_knows_and_has_a_reason(tmp_path: Path) -> None:
    (tmp_path / "20261101000001_m.sql").write_text("select 1")
    run_squawk(discover(tmp_path))  # squawk ends with a usage error for a name it does not know
    assert all(OFF.values())


def test_a_missing_squawk_is_told_and_never_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"squawk is not installed.*squawk-cli") as missing:
        find_squawk()
    assert missing.value.code.exit is Exit.CONFIGURATION


@pytest.mark.parametrize("script", ["print('panicked'); sys.exit(101)", "sys.stderr.write('no'); sys.exit(2)"])
def test_a_squawk_that_fails_is_not_taken_for_one_that_found_nothing(tmp_path: Path, script: str) -> None:
    program = tmp_path / "squawk"
    program.write_text(f"#!{sys.executable}\nimport sys\n{script}\n")
    os.chmod(program, 0o755)
    (tmp_path / "20261101000001_m.sql").write_text("select 1")
    with pytest.raises(DependencyDownError, match="no report"):
        run_squawk(discover(tmp_path), program)
