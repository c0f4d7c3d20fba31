"""What `db push` refuses as a user sees it: exit code 4, file, line, statement and what to do; nothing is applied."""

import re
from pathlib import Path

import pytest

from clarivum.testing.postgres import DatabaseUrls

from .conftest import ROOT, Clarivum, Project, rows

SHOWN = re.compile(
    r"^```sql\n(-- author: growth\n.*?)^```\n\n```\n\$ \./clarivum db push\n(.*?)^```$", re.MULTILINE | re.DOTALL
)
SECURED = (
    "create table public.t (id bigint primary key, name text);\n"
    "alter table public.t enable row level security, force row level security;\n"
    "create policy t_read on public.t for select to public using (true);\n"
)
DROP = "alter table public.t\n    drop column name;\n"
WAIVER = """[[waiver]]
rule = "database/destructive-migration"
subject = "20261101000002_m2 drop column public.t.name"
reason = "moved to public.people in the release before"
owner = "platform"
expires = {}
"""


@pytest.fixture
def here(project: Project) -> tuple[str, ...]:
    return ("db", "push", "--workdir", str(project.path))


def test_everything_that_stands_against_the_pending_files_is_told_at_once(
    project: Project, clarivum: Clarivum, empty_database_urls: DatabaseUrls, here: tuple[str, ...]
) -> None:
    project.add("-- Open to everybody.\ncreate table public.open (id bigint primary key);\n")
    project.add(
        "create view public.v as select 1 as n;\n"
        "create function public.f() returns int language sql security definer as 'select 1';\n"
        "create materialized view public.m as select 1 as n;\ngrant select on public.m to public;\n"
        "alter table public.open add column b text not null;\n"
    )
    for arguments in (here, (*here, "--dry-run")):
        refused = clarivum(*arguments, DATABASE_URL=empty_database_urls.admin)
        assert refused.returncode == 4, refused.stderr
        one, two = ("supabase/migrations/2026110100000" + rest for rest in ("1_m1.sql", "2_m2.sql"))
        for part in (
            f"{one}:2: public.open: row-level security is not enabled",
            f"{one}:2: public.open: row-level security is not forced",
            f"{one}:2: public.open: it has no policy",
            f"{two}:1: public.v: the view reads with its owner's rights",
            f"{two}:2: public.f(): runs with its owner's rights",
            f"{two}:4: public.m: public may read every row of it",
            f"{two}:5: squawk adding-required-field: Adding a new column that is `NOT NULL`",
            "    create table public.open (id bigint primary key)",
            "fix     alter table public.open enable row level security;",
            'waive   rule = "database/table-without-rls", subject = "public.open"',
        ):
            assert part in refused.stderr, part
    assert rows(empty_database_urls.admin, "select to_regclass('public.open')::text") == [(None,)]
    assert rows(empty_database_urls.admin, "select to_regnamespace('supabase_migrations')::text") == [(None,)]


def test_a_destructive_change_needs_a_waiver_that_names_it_and_holds(
    project: Project, clarivum: Clarivum, empty_database_urls: DatabaseUrls, here: tuple[str, ...]
) -> None:
    settings = {"DATABASE_URL": empty_database_urls.admin}
    project.add(SECURED)
    assert clarivum(*here, **settings).returncode == 0
    project.add(DROP)
    waivers = project.path / "waivers.toml"
    for text in ("", WAIVER.format("2026-01-31"), WAIVER.replace(".name", ".other").format("2999-01-01")):
        waivers.write_text(text)
        refused = clarivum(*here, **settings)
        assert refused.returncode == 4
        assert "20261101000002_m2.sql:1: drop column public.t.name loses its values" in refused.stderr
        assert 'rule = "database/destructive-migration"' in refused.stderr
    waivers.write_text(WAIVER.format("2999-01-01"))
    pushed = clarivum(*here, **settings)
    assert pushed.returncode == 0, pushed.stderr
    assert rows(
        empty_database_urls.admin,
        "select count(*) from pg_attribute where attname = 'name' and attrelid = 'public.t'::regclass",
    ) == [(0,)]


def test_what_a_later_pending_file_secures_is_pushed_and_what_is_applied_is_not_judged_again(
    project: Project, clarivum: Clarivum, empty_database_urls: DatabaseUrls, here: tuple[str, ...]
) -> None:
    create, _, secure = SECURED.partition("\n")
    project.add(create)
    project.add(secure)
    pushed = clarivum(*here, DATABASE_URL=empty_database_urls.admin)
    assert pushed.returncode == 0, pushed.stderr
    project.add("alter table public.t add column note text;")
    assert clarivum(*here, DATABASE_URL=empty_database_urls.admin).returncode == 0


@pytest.mark.parametrize(
    ("name", "content", "place"),
    [
        ("20261101000001_a.sql", b"select 1;\ncreate tabel x ();\n", ":2: syntax error"),
        ("20261101000001_a.sql", b"\xef\xbb\xbfselect 1;", ":1: the file begins with a byte-order mark"),
        ("20261101000001_a.sql", b"select 1;\n\\copy a from 'x.csv'\n", ":2: a psql command"),
        ("20261101000001_a.sql", b"begin;\nselect 1;\n", ":1: BEGIN, COMMIT and ROLLBACK"),
        ("20261101000001_a.sql", b"select 1;\ncreate index concurrently i on a (n);", ":2: this statement cannot run"),
        ("20261101000001 two words.sql", b"select 1", ":1: a migration is named"),
        ("20261101000000_again.sql", b"select 1", ":1: version 20261101000000 is also"),
    ],
)
def test_a_file_that_cannot_run_stops_the_push_before_any_other(
    project: Project,
    clarivum: Clarivum,
    empty_database_urls: DatabaseUrls,
    here: tuple[str, ...],
    name: str,
    content: bytes,
    place: str,
) -> None:
    (project.migrations / "20261101000000_good.sql").write_text(SECURED)
    (project.migrations / name).write_bytes(content)
    refused = clarivum(*here, DATABASE_URL=empty_database_urls.admin)
    assert refused.returncode == 4
    assert f"{place}" in refused.stderr
    assert rows(empty_database_urls.admin, "select to_regclass('public.t')::text") == [(None,)]


def test_waivers_that_cannot_be_read_stop_the_push(
    project: Project, clarivum: Clarivum, empty_database_urls: DatabaseUrls, here: tuple[str, ...]
) -> None:
    project.add(SECURED)
    Path(project.path / "waivers.toml").write_text('[[waiver]]\nrule = "database/squawk"\n')
    refused = clarivum(*here, DATABASE_URL=empty_database_urls.admin)
    assert refused.returncode == 3
    assert "waivers.toml:1: this waiver lacks" in refused.stderr


def test_the_guide_shows_what_a_push_says(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    guide = (ROOT / "docs" / "guide" / "database.md").read_text(encoding="utf-8")
    shown = re.search(
        r"^```sql\n(-- author: growth\n.*?)^```\n\n```\n\$ \./clarivum db push\n(.*?)^```$", guide, re.M | re.S
    )
    assert shown is not None
    (our_project.migrations / "20270101000000_visits.sql").write_text(shown[1])
    refused = clarivum("db", "push", "--workdir", str(our_project.path), DATABASE_URL=database_urls.admin)
    assert refused.returncode == 4
    told = [line for line in refused.stderr.splitlines(keepends=True) if not line.startswith("  … ")]
    assert "".join(told) == shown[2]
