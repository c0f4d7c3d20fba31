"""Rules on views, functions, expressions and indexes: each is red where it was planted and silent beside it."""

import psycopg
import pytest

from clarivum.database.planning import Scratch
from tests.integration.checks.checking import PLATFORM_MIGRATIONS, Checked
from tests.integration.checks.planted import PLANTED


@pytest.mark.parametrize("rule", PLANTED)
def test_what_was_planted_is_found_and_nothing_beside_it(planted: Checked, rule: str) -> None:
    expected = sorted((file, planted.line(file, text), subject) for file, text, subject in PLANTED[rule])
    assert sorted((each.file, each.line, each.subject) for each in planted.of(rule)) == expected


def test_nothing_else_is_found(planted: Checked) -> None:
    assert {finding.rule for finding in planted.report.findings} == PLANTED.keys()
    assert [note for note in planted.report.notes if "advisors did not look" not in note] == []


def test_what_a_function_leaves_behind_is_named(planted: Checked) -> None:
    said = {finding.message.partition(", which")[0] for finding in planted.of("database/session-state")}
    assert said == {
        "the function takes a lock of the session with pg_advisory_lock()",
        "the function runs SET role",
        "the function makes the temporary kept_list",
    }


def test_a_view_without_invoker_names_who_reads_it(planted: Checked) -> None:
    (view,) = planted.of("database/view-without-invoker")
    assert view.message.endswith("policies, and authenticated may read it")
    assert view.owner == "growth", "the migration's author, since the view has no comment"


@pytest.mark.parametrize("version", [16, 18])
def test_every_fix_that_is_a_statement_is_one_postgres_takes(planted: Checked, version: int) -> None:
    """What the findings propose is run on the migrated database, and then none of it is found any more."""
    whole = ("drop index", "alter table", "alter policy", "alter view", "alter routine", "alter function", "revoke")
    fixes = [
        each.fix.partition(";")[0] for each in planted.report.findings if each.fix.startswith((*whole, "alter def"))
    ]
    assert len(fixes) >= 15
    with Scratch(planted.root / "supabase" / "migrations", version) as scratch:
        scratch.prepare()
        with psycopg.connect(scratch.admin_url, autocommit=True) as connection:
            for fix in dict.fromkeys(fixes):
                connection.execute(fix.encode())
        objects = scratch.read_objects()
        assert all(view.invoker for view in objects.views if view.kind == "v")
        assert not any(each.definer and (each.owner_power or each.open_to_public) for each in objects.functions)
        assert not any(each.leakproof for each in objects.functions)
        assert {grant.privilege for grant in objects.default_grants} == {"select"}
        policies = [policy for table in scratch.read_catalog().tables for policy in table.policies]
        assert all(policy.check for policy in policies if policy.command in {"update", "all"})


@pytest.mark.parametrize("version", [16, 18])
def test_a_role_with_bypassrls_is_no_better_an_owner_and_the_guide_says_how_to_find_one(version: int) -> None:
    """As `postgres` is on a hosted project: no superuser, makes roles, and no policy holds for it."""
    guide = (PLATFORM_MIGRATIONS.parents[1] / "docs" / "guide" / "checks.md").read_text(encoding="utf-8")
    recipe = next(block.partition("```")[0] for block in guide.split("```sql\n") if "create role note_counter" in block)
    with Scratch(PLATFORM_MIGRATIONS, version) as scratch:
        scratch.prepare()
        with psycopg.connect(scratch.admin_url, autocommit=True) as connection:
            connection.execute("create role hosted bypassrls createrole; create schema app authorization hosted")
            connection.execute("set role hosted")
            connection.execute("create function app.count_notes() returns int security definer return 1")
            (before,) = [each for each in scratch.read_objects().functions if each.name == "app.count_notes"]
            connection.execute(recipe.encode())
        objects = scratch.read_objects()
        (after,) = [each for each in objects.functions if each.name == "app.count_notes"]
    assert (before.owner, before.owner_power) == ("hosted", "BYPASSRLS")
    assert (after.owner, after.owner_power) == ("note_counter", "")
    assert objects.writable_schemas == frozenset()


def test_what_belongs_to_an_extension_or_to_supabase_is_not_ours() -> None:
    with Scratch(PLATFORM_MIGRATIONS) as scratch:
        scratch.prepare()
        before = scratch.read_objects()
        with psycopg.connect(scratch.admin_url, autocommit=True) as connection:
            connection.execute("create extension vector schema public")
            connection.execute("create schema cron; create view cron.jobs as select 1 as one")
        assert scratch.read_objects() == before
