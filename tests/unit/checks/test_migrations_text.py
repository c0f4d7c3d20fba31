"""Where in the migrations something was made."""

from pathlib import Path

from clarivum.checks.migrations_text import Place, place_of_table, read_places


def test_statements_are_found_behind_comments_and_other_letters(tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    folder.mkdir()
    (folder / "1_first.sql").write_text(
        "-- Größe und Länge: letters of more than one byte\n"
        "create table public.leads (id bigint); -- ünd noch einer\n"
        "\n/* a block\n   comment */\n"
        "create table leads_archive (id bigint);\n"
        "create policy leads_read on public.leads for select using (true);\n"
        "create index leads_id_idx on leads (id);\n",
        encoding="utf-8",
    )
    (folder / "2_second.sql").write_text("alter table public.leads_archive rename to archive;\n", encoding="utf-8")
    places = read_places(folder, tmp_path)
    assert places["table public.leads"] == Place("migrations/1_first.sql", 2)
    assert places["table public.leads_archive"] == Place("migrations/1_first.sql", 6)
    assert places["policy public.leads.leads_read"] == Place("migrations/1_first.sql", 7)
    assert places["index public.leads.leads_id_idx"] == Place("migrations/1_first.sql", 8)
    assert places["table public.archive"] == Place("migrations/2_second.sql", 1)


def test_a_table_that_no_migration_names_is_placed_at_the_folder(tmp_path: Path) -> None:
    assert place_of_table({}, "public.unknown") == Place("supabase/migrations", 1)


def test_a_file_that_does_not_parse_is_left_to_the_database(tmp_path: Path) -> None:
    (tmp_path / "1_broken.sql").write_text("create tabel leads;", encoding="utf-8")
    assert read_places(tmp_path, tmp_path) == {}
