"""A filter without an index beside an indexed policy column: found, and mended by the index that is proposed."""

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from clarivum.checks import Facts, Report, choose, run
from clarivum.cli.report import FindingsFormat, render
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.checks.checking import copied, forget

PLANTED = """
-- name: notes_by_topic -> many Note
-- The policy's column leads an index; the topic is in none.
select id, topic, body, status, created_at from public.notes
where deleted_at is null and topic = %(topic)s
order by created_at desc
limit %(limit)s;
"""
QUOTED = """-- author: growth
create schema "Team Work";
grant usage on schema "Team Work" to authenticated;
create table "Team Work"."Notes" (
    id uuid primary key, "Owner" text not null, "Topic" text not null, "createdAt" timestamptz not null
);
comment on table "Team Work"."Notes" is 'owner: growth. Names that need quotes.';
create index "Notes_Owner" on "Team Work"."Notes" ("Owner", "createdAt" desc);
alter table "Team Work"."Notes" enable row level security;
alter table "Team Work"."Notes" force row level security;
grant select on "Team Work"."Notes" to authenticated;
create policy read on "Team Work"."Notes" for select to authenticated using ("Owner" = (select auth.jwt() ->> 'sub'));
"""
QUOTED_QUERY = """
-- name: quoted_by_topic -> many
select id, "createdAt" from "Team Work"."Notes" where "Topic" = %(topic)s order by "createdAt" desc limit %(limit)s;
"""

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "checks.md"
FENCED = re.compile(r"^```\n(.*?)^```$", re.MULTILINE | re.DOTALL)
VARYING = re.compile(r"[\d,]+(?= rows| tables)|[\d.]+(?= s\))")
RULES = ["database/query-without-index", "database/migration-fails"]


def report(root: Path, monkeypatch: pytest.MonkeyPatch, rules: Sequence[str], postgres: int = 18) -> Report:
    monkeypatch.syspath_prepend(str(root))
    forget("clean_backend")  # another test may have loaded its own copy
    try:
        with Facts("clean_backend.app:application", today=date(2027, 1, 15), postgres=postgres) as facts:
            return run(facts, choose(rules), SYSTEM_CLOCK)
    finally:
        forget("clean_backend")


def with_query(folder: Path, name: str, query: str) -> Path:
    """The root of a copy of the clean application with one more query, which its route runs."""
    root = copied("clean", folder)
    queries = root / "clean_backend" / "notes" / "queries.sql"
    queries.write_text(queries.read_text(encoding="utf-8") + query, encoding="utf-8")
    routes = root / "clean_backend" / "notes" / "routes.py"
    called = f"    await session.many(queries.{name}, topic='x', limit=5)\n    return page.of("
    routes.write_text(routes.read_text(encoding="utf-8").replace("    return page.of(", called), encoding="utf-8")
    return root


@pytest.mark.parametrize(
    ("postgres", "name", "query", "tables"),
    [(18, "notes_by_topic", PLANTED, ""), (16, "quoted_by_topic", QUOTED_QUERY, QUOTED)],
    ids=["plain", "quoted"],
)
def test_the_proposed_index_makes_the_finding_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: int, name: str, query: str, tables: str
) -> None:
    root = with_query(tmp_path, name, query)
    migrations = root / "supabase" / "migrations"
    if tables:
        (migrations / "20270102000000_quoted.sql").write_text(tables, encoding="utf-8")

    (found,) = report(root, monkeypatch, RULES, postgres).findings
    assert found.rule == "database/query-without-index"
    assert "Index Scan" in found.message, "the policy's index is used, so that no Seq Scan shows"
    proposed, proof = found.fix.split("   -- planned again with ")
    assert proposed.startswith("create index concurrently ")
    assert int(proof.removeprefix("it: ").removesuffix(" rows").replace(",", "")) <= 100

    (migrations / "20270103000000_index.sql").write_text(f"-- author: growth\n{proposed}\n", encoding="utf-8")
    assert report(root, monkeypatch, RULES, postgres).findings == ()


def test_the_guide_shows_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the seconds it took, the platform's tables, and estimates that move with the server's minor version."""
    found = report(with_query(tmp_path, "notes_by_topic", PLANTED), monkeypatch, RULES[:1])
    printed = render(found, choose(RULES[:1]), FindingsFormat.TEXT).replace("clean_backend/", "bff/")
    (shown,) = [text for text in FENCED.findall(GUIDE.read_text(encoding="utf-8")) if "notes_by_topic" in text]
    assert re.sub(VARYING, "N", printed) == re.sub(VARYING, "N", shown)
