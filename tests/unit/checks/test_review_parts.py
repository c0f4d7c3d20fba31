"""Single parts on changes that are made up for them."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from clarivum.checks.gate import follow
from clarivum.checks.review.change import Change, State, changed_migrations, changed_queries, changed_tables
from clarivum.checks.review.description import describe, to_markdown
from clarivum.checks.review.git import Comparison
from clarivum.checks.review.markdown import Bullets, Details, Listing, Paragraph, Table, plain
from clarivum.checks.review.part import Part
from clarivum.checks.review.parts import gaps, locks, schema
from clarivum.checks.review.registry import PARTS
from clarivum.checks.review.schema_difference import losses, schema_changes
from clarivum.checks.review.side import DeclaredQuery, Side, WaivedFinding
from clarivum.database.migrations.files import discover
from clarivum.database.planning.definitions import Definition
from clarivum.owners import Owner

TODAY = date(2027, 1, 15)
NOTHING = Side()


def defined(kind: str, name: str, text: str) -> Definition:
    return Definition("public.notes", kind, name, text)


def status(*values: str) -> Definition:
    listed = ", ".join(f"'{value}'::text" for value in values)
    return defined("constraint", "status_check", f"CHECK ((status = ANY (ARRAY[{listed}])))")


NOTES = (
    defined("table", "", "table"),
    defined("column", "id", "uuid not null"),
    defined("column", "status", "text not null default 'open'::text"),
    status("open", "done"),
    defined("grant", "anon", "select"),
)


def query(name: str, sql: str, *, roles: tuple[str, ...] = ("anon",), writes: bool = False) -> DeclaredQuery:
    return DeclaredQuery("q.sql", 1, name, sql, sql, (), ("public.notes",), roles, writes, "growth")


READ = query("read", "select id, status from public.notes")
WRITE = query("write", "update public.notes set status = 'done'", writes=True)


def change(base: Side = NOTHING, head: Side = NOTHING, **given: Any) -> Change:
    compared = Comparison("main", "0" * 40, True, 1, (("changed", "supabase/x.sql"),), 0)
    others: dict[str, Any] = {
        "migrations": (),
        "migrations_refused": "",
        "queries": (),
        "owners": {"growth": Owner("growth", "lead", "#growth", "champion")},
        "addenda": (),
        "untested": (),
        "today": TODAY,
    }
    return Change(compared, base, head, **{**others, **given})


def base(*definitions: Definition) -> Side:
    return Side(definitions=definitions, rows={"public.notes": 1_000}, queries=(READ, WRITE))


@pytest.mark.parametrize(
    ("gone", "come", "what", "queries"),
    [
        (NOTES[2], None, "column dropped", ("read", "write")),
        (NOTES[4], None, "grant revoked", ("read", "write")),
        (NOTES[2], defined("column", "status", "integer"), "type of a column changed", ("read", "write")),
        (None, defined("column", "x", "text not null"), "new column without default", ()),
        (None, defined("constraint", "c", "CHECK ((status <> ''::text))"), "constraint new", ("write",)),
        (NOTES[3], status("open"), "constraint changed", ("write",)),
    ],
)
def test_what_older_processes_would_miss_is_a_loss(
    gone: Definition | None, come: Definition | None, what: str, queries: tuple[str, ...]
) -> None:
    after = [each for each in NOTES if each != gone] + ([come] if come else [])
    (loss,) = losses(change(base(*NOTES), Side(definitions=tuple(after))))
    assert loss.what.startswith(what)
    assert loss.queries == queries
    assert what in plain(next(iter(schema.PART.warn(change(base(*NOTES), Side(definitions=tuple(after)))))))


@pytest.mark.parametrize(
    ("gone", "come"),
    [
        (NOTES[3], None),
        (None, defined("column", "x", "text")),
        (None, defined("column", "x", "text not null default ''::text")),
        (None, defined("index", "i", "CREATE INDEX …")),
        (NOTES[3], status("open", "done", "gone")),
        (NOTES[3], defined("constraint", "status_check", NOTES[3].text.replace("status =", "(status)::text ="))),
        (NOTES[2], defined("column", "status", "text not null default 'new'::text")),
    ],
)
def test_what_older_processes_do_not_notice_is_none(gone: Definition | None, come: Definition | None) -> None:
    after = [each for each in NOTES if each != gone] + ([come] if come else [])
    changed = change(base(*NOTES), Side(definitions=tuple(after)))
    assert losses(changed) == ()
    assert len(schema_changes(changed)) == 1
    assert schema.PART.describe(changed)


def test_a_renamed_column_is_one_change(tmp_path: Path) -> None:
    (tmp_path / "20270101000000_state.sql").write_text(
        "-- author: growth\nalter table public.notes rename column status to state;\n"
    )
    readings = {str(each.migration): each for each in follow(discover(tmp_path))}
    found = changed_migrations({}, {"20270101000000_state.sql": "select 1"}, readings)
    after = [defined("column", "state", NOTES[2].text) if each == NOTES[2] else each for each in NOTES]
    changed = change(base(*NOTES), Side(definitions=tuple(after)), migrations=found)
    (table,) = schema.PART.describe(changed)
    assert isinstance(table, Table)
    assert [[plain(each) for each in row] for row in table.rows] == [
        ["public.notes column state", "renamed", "was status: text not null default 'open'::text"]
    ]
    (loss,) = losses(changed)
    assert (loss.what, loss.queries) == ("column renamed", ("read", "write"))


def test_a_long_definition_is_compared_line_by_line() -> None:
    before = Definition("public.f()", "function", "", "create function\nas $$\nselect 1\n$$")
    after = Definition("public.f()", "function", "", "create function\nas $$\nselect 2\n$$")
    table, details = schema.PART.describe(change(Side(definitions=(before,)), Side(definitions=(after,))))
    assert isinstance(table, Table)
    assert [plain(each) for each in table.rows[0]] == ["public.f() function", "changed", "see below"]
    assert isinstance(details, Details)
    (listing,) = details.blocks
    assert isinstance(listing, Listing)
    assert "-select 1\n+select 2" in listing.text


def test_migrations_that_were_edited_removed_or_come_too_late_are_told() -> None:
    step = "-- author: growth\nalter table public.notes add column step int;\n"
    before = {f"2027010200000{number}_step.sql": step for number in (1, 2, 3)}
    after = {
        "20270101500000_late.sql": step,
        "20270102000001_step.sql": step.replace("int;", "bigint;"),
        "20270102000003_step.sql": f"-- Only a comment.\n{step}",
        "20270103000000_new.sql": "this is no SQL",
    }
    found = changed_migrations(before, after, {})
    assert [(each.name[:14], each.state, each.late) for each in found] == [
        ("20270101500000", State.NEW, True),
        ("20270102000001", State.CHANGED, False),
        ("20270102000002", State.REMOVED, False),
        ("20270103000000", State.NEW, False),
    ]
    told = "\n".join(plain(each) for each in locks.PART.warn(change(migrations=found)))
    assert "20270102000001_step was edited: where it was applied, db push will refuse" in told
    assert "20270102000002_step is gone" in told
    assert "20270101500000_late is older than the newest before it" in told


def test_a_lock_lasts_to_the_end_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "20270101000000_notes.sql").write_text(
        "-- author: growth\ncreate table public.notes (id int);\ncreate table public.topics (id int);\n"
    )
    (tmp_path / "20270102000000_both.sql").write_text(
        "-- author: growth\nalter table public.notes add column a int;\n"
        "alter table public.topics alter column id type bigint;\n"
    )
    readings = {str(each.migration): each for each in follow(discover(tmp_path))}
    text = (tmp_path / "20270102000000_both.sql").read_text()
    found = changed_migrations({}, {"20270102000000_both.sql": text}, readings)
    rows = {"public.notes": 50, "public.topics": 20_000_000}
    *_, estimates = locks.PART.describe(change(Side(rows=rows), migrations=found))
    assert isinstance(estimates, Bullets)
    assert [plain(each).partition(". ")[0] for each in estimates.items] == [
        f"{table}: reads and writes wait; the migration writes all of public.topics anew, "
        "for 20,000,000 rows in the order of 2 minutes"
        for table in ("public.notes", "public.topics")
    ]


def lock_part(folder: Path, text: str) -> str:
    """What the part says of a migration with this text, on top of one that made `public.notes`."""
    (folder / "20270101000000_notes.sql").write_text("-- author: growth\ncreate table public.notes (id int);")
    (folder / "20270102000000_after.sql").write_text(text)
    readings = {str(each.migration): each for each in follow(discover(folder))}
    blocks = locks.PART.describe(
        change(migrations=changed_migrations({}, {"20270102000000_after.sql": text}, readings))
    )
    return "\n".join(plain(each.text) if isinstance(each, Paragraph) else str(each) for each in blocks)


def test_what_a_block_locks_is_told_and_what_it_hides_is_owned_up_to(tmp_path: Path) -> None:
    told = lock_part(tmp_path, "do $$ begin alter table public.notes add column x int; end $$;")
    assert "ACCESS EXCLUSIVE" in told
    assert "locks nothing" not in told
    hidden = lock_part(tmp_path, "-- author: growth\ndo $$ begin execute 'drop table ' || 'notes'; end $$;")
    assert hidden.endswith(
        "What can be read of it locks nothing that stood before it. "
        "What the block in line 2 puts together as it runs is not seen."
    )
    none = lock_part(tmp_path, "create table public.other (id int);")
    assert none.endswith("It locks nothing that stood before it.")


@pytest.mark.parametrize(
    ("before", "lasts"),
    [
        ("create table public.t (a varchar(20), b int check (b > 0));", "instant (catalogue only)"),
        ("create table public.t (a varchar(20)); create index i on public.t (a);", "instant (catalogue only)"),
        ("create table public.t (a varchar(20) check (a <> ''));", "reads the whole table"),
        ("create table public.t (b int); alter table public.t add a varchar(9) check (a <> '');",
         "reads the whole table"),
        ("create table public.t (o varchar(9) check (o <> '')); alter table public.t rename o to a;",
         "reads the whole table"),
        ("create table public.t (a varchar(20)); create index i on public.t (lower(a));", "reads the whole table"),
        ("create table public.t (a varchar(20)); create index i on public.t (b) where a = '';",
         "reads the whole table"),
        ("create table public.t (a int);", "writes the whole table anew"),
    ],
)  # fmt: skip
def test_a_change_of_type_lasts_as_long_as_what_it_needs(tmp_path: Path, before: str, lasts: str) -> None:
    (tmp_path / "20270101000000_before.sql").write_text(before)
    (tmp_path / "20270102000000_after.sql").write_text("alter table public.t alter column a type text;")
    *_, reading = follow(discover(tmp_path))
    ((lock,),) = [step.locks for step in reading.lockings]
    assert str(lock.duration) == lasts


def test_queries_are_planned_again_when_they_or_their_tables_change() -> None:
    other = query("other", "select 1")
    old = Side(definitions=NOTES, queries=(READ, WRITE))
    assert changed_queries(old, old) == ()
    found = changed_queries(old, Side(definitions=NOTES, queries=(READ, other)))
    assert [(each.query.name, each.state) for each in found] == [("other", State.NEW), ("write", State.REMOVED)]
    reworded = Side(definitions=NOTES, queries=(query("read", READ.sql, roles=("authenticated",)), WRITE))
    assert [each.state for each in changed_queries(old, reworded)] == [State.CHANGED]
    unknown = Side(definitions=NOTES, queries=(query("read", READ.sql, roles=()), WRITE))
    assert changed_queries(old, unknown) == ()
    without = Side(definitions=NOTES[:-1], queries=(READ, WRITE))
    assert changed_tables(old, without) == {"public.notes"}
    assert [each.state for each in changed_queries(old, without)] == [None, None]


def waiver(subject: str, expires: date) -> WaivedFinding:
    return WaivedFinding("a/b", subject, "because", "growth", expires)


def test_waivers_are_told_when_they_come_move_end_or_go() -> None:
    soon, later = date(2027, 2, 1), date(2028, 1, 1)
    old = Side(waivers=(waiver("moved", soon), waiver("gone", later), waiver("soon", soon), waiver("quiet", later)))
    new = (waiver("moved", later), waiver("soon", soon), waiver("quiet", later), waiver("new", later))
    (bullets,) = gaps.PART.describe(change(old, Side(waivers=new)))
    assert isinstance(bullets, Bullets)
    told = [plain(each) for each in bullets.items]
    assert told == [
        "Waiver moved from 2027-02-01: a/b moved; growth answers for it until 2028-01-01. because",
        "Waiver expires soon: a/b soon; growth answers for it until 2027-02-01.",
        "New waiver: a/b new; growth answers for it until 2028-01-01. because",
        "Waiver gone: a/b gone.",
    ]
    late = change(head=Side(waivers=(waiver("late", date(2027, 1, 14)),)))
    assert "expired on 2027-01-14" in plain(next(iter(gaps.PART.warn(late))))


def test_a_chapter_adds_a_part_of_its_own() -> None:
    own = Part("own", "My <chapter>", lambda given: [Bullets((given.comparison.ref,))], lambda given: ["look | here"])
    text = to_markdown(describe(change(), (*PARTS, own)))
    assert "### Look at first\n\n- look \\| here\n" in text
    assert "### My \\<chapter\\>\n\n- main\n" in text
    assert text.rstrip().endswith("Telemetry, Deployment, Decisions, Gaps, Whom to ask.")


def test_one_endless_part_leaves_room_for_the_others() -> None:
    many = tuple(Paragraph(f"migration {number} of a great many") for number in range(5_000))
    endless = Part("endless", "Endless", lambda given: many)
    text = to_markdown(describe(change(), (endless, *PARTS)), 5_000)
    assert 4_000 < len(text) <= 5_000
    assert "### Endless\n\nmigration 0 of a great many\n" in text
    assert "… and more" in text
    assert "Whom to ask." in text.splitlines()[-1]


def test_keys_of_parts_are_unique() -> None:
    assert len({part.key for part in PARTS}) == len({part.title for part in PARTS}) == len(PARTS)
