"""Decision records and addenda as `adr new` writes them, and which of them the gate takes."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from pglast import parse_sql

from clarivum.checks.gate import Reading, follow, read_addenda, uncovered
from clarivum.checks.gate.choosing import chosen
from clarivum.checks.gate.decision import checked_title, existing, new_path, skeleton, slug_of
from clarivum.checks.gate.skeleton import further_addendum, new_addendum, title_and_path, title_of
from clarivum.checks.statements import Names, touches, wording
from clarivum.database.migrations.files import discover
from clarivum.errors import UsageError
from clarivum.owners import Owner

TODAY = date(2026, 11, 26)
OWNERS = {"membership": Owner("membership", "membership lead", "#members", "data champion")}
TEAMS = """-- author: membership
create table public.profiles (id uuid primary key, name text);
comment on table public.profiles is 'owner: membership. Members.';
create table public.keys (id int primary key);
comment on table public.keys is 'owner: membership. Keys.';
"""
CROSSING = """-- author: growth
alter table public.profiles add column note text not null default 'a|b', drop column name;
create index profiles_note_idx on public.profiles (note);
create view public.key_names with (security_invoker) as select id from public.keys;
"""
STEM = "20270101000001_profile_note"
TITLE = "Addendum: profile note"


def planted(root: Path, text: str = CROSSING) -> list[Reading]:
    folder = root / "supabase" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "20270101000000_teams.sql").write_text(TEAMS)
    (folder / f"{STEM}.sql").write_text(text)
    (root / "docs" / "adr").mkdir(parents=True, exist_ok=True)
    return list(follow(discover(folder)))


def left(root: Path, reading: Reading) -> list[str]:
    return [each.object for each in uncovered(reading.migration, reading.crossings, read_addenda(root))]


def filled(text: str) -> str:
    return re.sub(r"<!-- fill: .*? -->", "Agreed.", text)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Job ledger & leases", "job-ledger-leases"),
        ("Zażółć gęślą: 2nd try", "zazoc-gesla-2nd-try"),
        ("../../etc/passwd", "etc-passwd"),
        ("Use `pgmq`, not SQS | Lambda", "use-pgmq-not-sqs-lambda"),
    ],
)
def test_a_file_is_named_after_its_title(title: str, slug: str) -> None:
    assert slug_of(checked_title(title)) == slug


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("", "the title is empty"),
        (" \t ", "the title is empty"),
        ("one\ntwo", "control character"),
        ("bell\a", "control character"),
        ("turned\u202eround", "control character"),
        ("x" * 101, "has 101 characters"),
        ("???", "no file can be named"),
        ("日本", "no file can be named"),
    ],
)
def test_a_title_that_cannot_be_one_is_refused(title: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        checked_title(title)


def test_the_next_number_follows_the_highest(tmp_path: Path) -> None:
    assert new_path(tmp_path, "First") == (1, tmp_path / "docs" / "adr" / "0001-first.md")
    planted(tmp_path)
    for name in ("0002-second.md", "0011-eleventh.md", "notes.md", "0100.md"):
        (tmp_path / "docs" / "adr" / name).touch()
    assert new_path(tmp_path, "Next one") == (12, tmp_path / "docs" / "adr" / "0012-next-one.md")
    with pytest.raises(UsageError, match=r"docs/adr/0011-eleventh\.md is there already"):
        new_path(tmp_path, "Eleventh!")


def test_a_decision_has_the_parts_that_all_have() -> None:
    text = skeleton(7, "Job ledger", TODAY)
    assert text.startswith(
        "# ADR-0007: Job ledger\n\nStatus: proposed\n\nDate: 2026-11-26\n\n## Context\n\n<!-- fill: "
    )
    assert re.findall("^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]


def test_an_addendum_names_what_the_migration_changes_and_locks(tmp_path: Path) -> None:
    text = new_addendum(7, TITLE, planted(tmp_path)[1:], OWNERS, TODAY)
    assert text.startswith("# ADR-0007: Addendum: profile note\n")
    assert f"Migration `{STEM}` ({STEM}.sql), by growth." in text
    membership = "membership (membership lead, #members)"
    changes = "`add column note text`, `drop column name`, `create index profiles_note_idx`"
    assert f"| `public.profiles` | {membership} | {changes} | 2 |" in text
    assert f"| `public.keys` | {membership} | `read by a view: public.key_names` | 4 |" in text
    assert "| 2 | `public.profiles` | ACCESS EXCLUSIVE | reads and writes | instant (catalogue only) |" in text
    assert "| 3 | `public.profiles` | SHARE | writes | reads the whole table; gentler: create index" in text
    assert "who of membership agreed" in text


def test_the_gate_takes_an_addendum_when_it_is_filled_in(tmp_path: Path) -> None:
    readings = planted(tmp_path)
    path = tmp_path / "docs" / "adr" / "0001-addendum-profile-note.md"
    text = new_addendum(1, TITLE, readings[1:], OWNERS, TODAY)
    path.write_text(text)
    assert left(tmp_path, readings[1]) == ["public.profiles", "public.keys"]
    path.write_text(text.replace("<!-- fill: ", "<!-- ", 3))
    assert read_addenda(tmp_path)[0].unfilled_line() == text[: text.rindex("<!-- fill:")].count("\n") + 1
    assert left(tmp_path, readings[1]) == ["public.profiles", "public.keys"]
    path.write_text(filled(text))
    assert left(tmp_path, readings[1]) == []


def test_an_addendum_can_stand_at_the_end_of_a_decision(tmp_path: Path) -> None:
    readings = planted(tmp_path)
    path = tmp_path / "docs" / "adr" / "0003-members.md"
    text = skeleton(3, "Members", TODAY)
    path.write_text(text + filled(further_addendum(readings[1:], OWNERS, TODAY)))
    assert left(tmp_path, readings[1]) == []
    assert existing(tmp_path, "3") == existing(tmp_path, "0003") == path
    headings = re.findall("^#+ .*$", path.read_text(), re.MULTILINE)
    assert headings[4:] == [
        "## Addendum: profile note",
        *("### Context", "### Decision", "### Consequences", "### Agreed with"),
    ]
    for number in ("4", "three", "-3", "0003-members"):
        with pytest.raises(UsageError):
            existing(tmp_path, number)


def test_an_addendum_that_is_begun_below_another_leaves_that_one_in_force(tmp_path: Path) -> None:
    readings = planted(tmp_path)
    path = tmp_path / "docs" / "adr" / "0001-addendum-profile-note.md"
    path.write_text(filled(new_addendum(1, TITLE, readings[1:], OWNERS, TODAY)))
    with path.open("a") as file:
        file.write(further_addendum(readings[:1], OWNERS, TODAY))
    assert left(tmp_path, readings[1]) == []
    (addendum,) = read_addenda(tmp_path)
    assert addendum.unfilled_line(readings[1].migration) == 0
    assert addendum.unfilled_line(readings[0].migration) == addendum.unfilled_line() > 0


def test_an_addendum_is_called_after_its_migrations(tmp_path: Path) -> None:
    readings = planted(tmp_path)
    assert title_and_path(tmp_path, readings[1:])[0] == title_of(readings[1:]) == TITLE
    (tmp_path / "docs" / "adr" / "0001-addendum-profile-note.md").touch()
    title, number, path = title_and_path(tmp_path, readings[1:])
    assert (title, number, path.name) == ("Addendum: 20270101000001", 2, "0002-addendum-20270101000001.md")
    long = tmp_path / "supabase" / "migrations" / f"20270102000000_{'long_' * 20}name.sql"
    long.write_text(CROSSING)
    assert title_of(list(follow(discover(long.parent)))[2:]) == "Addendum: 20270102000000"


def titles(readings: Sequence[Reading]) -> list[str]:
    return [str(reading.migration) for reading in readings]


def test_without_a_name_all_that_the_gate_would_refuse_are_described(tmp_path: Path) -> None:
    readings = planted(tmp_path)
    assert titles(chosen(readings, None, ())) == [STEM]
    addendum = tmp_path / "docs" / "adr" / "0001-addendum-profile-note.md"
    addendum.write_text(new_addendum(1, TITLE, readings[1:], {}, TODAY))
    with pytest.raises(UsageError, match=r"0001-addendum-profile-note\.md:\d+: an addendum for .* is there already"):
        chosen(readings, None, read_addenda(tmp_path))
    addendum.write_text(filled(addendum.read_text()))
    with pytest.raises(UsageError, match="no migration waits for an addendum"):
        chosen(readings, None, read_addenda(tmp_path))


@pytest.mark.parametrize("name", [STEM, f"{STEM}.sql", STEM[:14], "profile_note", f"supabase/migrations/{STEM}.sql"])
def test_a_migration_is_found_by_any_of_its_names(tmp_path: Path, name: str) -> None:
    assert titles(chosen(planted(tmp_path), name, ())) == [STEM]


def test_an_unknown_migration_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"no migration 'profil_notes'; did you mean {STEM}"):
        chosen(planted(tmp_path), "profil_notes", ())


def test_a_migration_that_crosses_nobody_says_so(tmp_path: Path) -> None:
    readings = planted(tmp_path, "-- author: membership\nalter table public.profiles add column note text;\n")
    text = new_addendum(1, TITLE, readings[1:], OWNERS, TODAY)
    assert "| `public.profiles` | membership" in text
    assert "the gate asks for no addendum" in text
    assert title_of(readings * 2) == "Addendum: teams and profile note and 2 more"


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("alter table a alter column x set not null", "column x set not null"),
        ("alter table a alter column x type numeric(10, 2)", "alter column type x numeric(10, 2)"),
        ("alter table a alter column x set default 1", "column x default"),
        ("alter table a add constraint c check (x > 1)", "add constraint c (check)"),
        ("alter table a add primary key (x)", "add constraint (primary key)"),
        ("alter table a disable trigger t", "disable trigger t"),
        ("alter table a rename column x to y", "rename column x to y"),
        ("alter table a rename to b", "rename table to b"),
        ("alter policy p on a rename to q", "rename policy p to q"),
        ("drop policy p on a", "drop policy p"),
        ("drop trigger t on a", "drop trigger t"),
        ("drop table a cascade", "drop table cascade"),
        ("grant select, update (x) on a to anon, public", "grant select, update (x) to anon, public"),
        ("revoke all on a from anon", "revoke all from anon"),
        ("comment on column a.x is 'y'", "comment on column x"),
        ("create policy p on a using (true)", "create policy p"),
        ("create unique index i on a (x)", "create index i"),
        ("create trigger t before update on a for each row execute function f()", "create trigger t"),
        ("truncate a", "truncate"),
    ],
)
def test_a_change_is_worded_with_what_it_names(statement: str, said: str) -> None:
    node = parse_sql(statement)[0].stmt
    assert [wording(node, touch.act) for touch in touches(node, Names())] == [(said,)]
