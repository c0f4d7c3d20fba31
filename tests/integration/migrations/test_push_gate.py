"""A planted cross-team migration: refused by `db push` until its addendum exists."""

from clarivum.testing.postgres import DatabaseUrls

from .conftest import Clarivum, Project, rows

STEM = "20290101000000_profile_note"
MIGRATION = "-- author: growth\nalter table public.profiles add column note text;\n"
ADDENDUM = f"# ADR-0099: Addendum\n\n`{STEM}` adds a column to `public.profiles`; membership agreed.\n"
NOTE = "select attname::text from pg_attribute where attrelid = 'public.profiles'::regclass and attname = 'note'"


def test_a_cross_team_migration_is_refused_until_its_addendum_exists(
    our_project: Project, clarivum: Clarivum, database_urls: DatabaseUrls
) -> None:
    push = ("db", "push", "--workdir", str(our_project.path))
    (our_project.migrations / f"{STEM}.sql").write_text(MIGRATION)
    for arguments in (push, (*push, "--dry-run")):
        refused = clarivum(*arguments, DATABASE_URL=database_urls.admin)
        assert refused.returncode == 4
        assert f"{STEM}.sql:2: touches public.profiles of membership (alter table)" in refused.stderr
    assert rows(database_urls.admin, NOTE) == []

    addenda = our_project.path / "docs" / "adr"
    addenda.mkdir(parents=True)
    (addenda / "0099-profile-note.md").write_text(ADDENDUM)
    pushed = clarivum(*push, DATABASE_URL=database_urls.admin)
    assert pushed.returncode == 0, pushed.stderr
    assert rows(database_urls.admin, NOTE) != []
