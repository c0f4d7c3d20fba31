"""The trial of tables: every kind of policy, grant, constraint and trigger that may stand in its way."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from clarivum.checks.access.personas import personas
from clarivum.checks.access.trying import cast_of
from clarivum.database.planning import read_catalog
from clarivum.database.trial import Cell, Reach, TableTrial, Verb, parse_samples, try_tables
from clarivum.database.trial.reaching import RowTrial
from clarivum.testing.postgres import ServersForTests

SCHEMA = Path(__file__).parent / "access_schema.sql"
SAMPLE = "insert into public.impossible (id, code) values (length(current_setting('sample.subject')) + 7, 'ABC-0001')"


class Tried:
    """The trials of one database by table, and how many rows were left behind."""

    def __init__(self, trials: list[TableTrial], left: int) -> None:
        self.trials = {trial.table: trial for trial in trials}
        self.left = left

    def cell(self, table: str, caller: str, verb: Verb, role: str = "authenticated") -> Cell:
        return self.trials[f"public.{table}"].cells[caller, role][verb]


@pytest.fixture(scope="module", params=[16, 18])
def tried(request: pytest.FixtureRequest, postgres_servers: ServersForTests) -> Iterator[Tried]:
    with postgres_servers.database(request.param) as urls:
        with psycopg.connect(urls.admin, autocommit=True) as connection:
            connection.execute(SCHEMA.read_bytes())
            oids = [table.oid for table in read_catalog(connection).tables if table.schema == "public"]
        trials = try_tables(urls.admin, oids, cast_of(personas(), {}))
        with psycopg.connect(urls.admin) as connection:
            left = connection.execute("select count(*) from public.articles").fetchone()
        assert left is not None
        yield Tried(trials, left[0])


def test_nothing_is_left_behind(tried: Tried) -> None:
    assert tried.left == 0


def test_a_row_of_many_constraints_is_made_and_its_states_are_tried(tried: Tried) -> None:
    cell = tried.cell("articles", "member", "select")
    assert cell.reach is Reach.OWN
    assert dict(cell.when) == {"pinned is true": Reach.ALL, "stage is published": Reach.ALL}
    assert tried.cell("articles", "member", "delete") == Cell(Reach.OWN, ("articles_own",))
    assert tried.cell("articles", "member", "insert") == Cell(Reach.OWN, ("articles_own",))


def test_the_policies_that_decide_are_told_from_those_that_only_apply(tried: Tried) -> None:
    assert tried.cell("articles", "member", "select").by == ("articles_own", "articles_published")


def test_who_holds_no_grant_is_told_so(tried: Tried) -> None:
    assert tried.cell("articles", "anonymous", "select", "anon") == Cell(Reach.NONE, ("no grant",))
    assert tried.cell("articles", "worker", "delete", "clarivum_worker") == Cell(Reach.NONE, ("no grant",))


def test_rows_of_rows_follow_their_owner_and_column_grants_are_named(tried: Tried) -> None:
    read = tried.cell("comments", "member", "select")
    assert (read.reach, read.columns) == (Reach.OWN, ("id", "text"))
    added = tried.cell("comments", "other member", "insert")
    assert (added.reach, added.columns) == (Reach.OWN, ("article_id", "text"))
    changed = tried.cell("comments", "member", "update")
    assert (changed.reach, changed.columns) == (Reach.OWN, ("text",))
    assert tried.cell("comments", "member", "delete").by == ("no grant",)


def test_an_update_that_gives_own_rows_away_is_noted(tried: Tried) -> None:
    assert tried.cell("handover", "member", "update").note == "may give own rows to others (owner_id)"
    assert tried.cell("articles", "member", "update").note == ""


def test_an_update_is_tried_with_a_value_that_the_caller_may_have(tried: Tried) -> None:
    for caller in ("member", "other member", "editor"):
        assert tried.cell("letters", caller, "update").reach is Reach.OWN, caller


def test_a_restrictive_policy_and_a_trigger_have_their_say(tried: Tried) -> None:
    assert tried.cell("journal", "admin", "select", "clarivum_staff") == Cell(
        Reach.ALL, ("journal_staff", "journal_admins")
    )
    assert tried.cell("journal", "editor", "select", "clarivum_staff").reach is Reach.NONE
    kept = tried.cell("journal", "admin", "delete", "clarivum_staff")
    assert (kept.reach, kept.note) == (Reach.NONE, "the journal is append-only (23001)")
    assert tried.cell("journal", "admin", "insert", "clarivum_staff").reach is Reach.ALL


def test_a_table_that_takes_one_row_is_tried_with_one(tried: Tried) -> None:
    assert tried.cell("settings", "anonymous", "select", "anon") == Cell(Reach.ALL, ("settings_read",))


def test_a_policy_that_fails_is_told_with_its_error(tried: Tried) -> None:
    cell = tried.cell("casting", "member", "select")
    assert cell.reach is Reach.NONE
    assert "22P02" in cell.note


def test_a_table_without_row_security_shows_what_that_means(tried: Tried) -> None:
    assert tried.cell("open_wide", "anonymous", "select", "anon") == Cell(Reach.ALL, ("row-level security is off",))
    assert tried.cell("open_wide", "anonymous", "truncate", "anon").reach is Reach.ALL
    assert tried.cell("open_wide", "member", "truncate").by == ("no grant",)


def test_membership_in_another_table_is_made_as_well(tried: Tried) -> None:
    assert tried.cell("plans", "member", "select") == Cell(Reach.OWN, ("plans_of_own_teams",))
    assert tried.cell("plans", "other member", "select").reach is Reach.OWN


def test_a_partition_is_found_for_a_row(tried: Tried) -> None:
    assert tried.trials["public.readings"].untried == ""
    assert tried.cell("readings", "member", "select") == Cell(Reach.OWN, ("readings_own",))
    assert tried.cell("readings", "member", "insert").reach is Reach.OWN
    assert tried.trials["public.readings_2020"].untried == ""


def test_a_row_whose_owner_is_a_default_is_added_in_the_callers_name_alone(tried: Tried) -> None:
    cell = tried.cell("defaulted", "member", "insert")
    assert (cell.reach, cell.columns) == (Reach.OWN, ("body",))


def test_what_has_no_rows_of_its_own_or_an_odd_name_is_tried_as_well(tried: Tried) -> None:
    assert tried.cell("counted", "anonymous", "select", "anon") == Cell(Reach.ALL, ("no policy applies",))
    assert tried.cell("counted", "anonymous", "truncate", "anon").by == ("no grant",)
    assert tried.cell("nothing", "anonymous", "select", "anon").by == ("no grant",)
    assert tried.cell("Odd Name", "member", "update") == Cell(Reach.OWN, ("odd; policy",))


def test_a_row_that_cannot_be_made_leaves_its_cells_untried(tried: Tried) -> None:
    trial = tried.trials["public.impossible"]
    assert "impossible_code_check" in trial.untried
    assert trial.cells["member", "authenticated"]["select"].reach is Reach.UNTRIED
    assert trial.cells["anonymous", "anon"]["select"] == Cell(Reach.NONE, ("no grant",))


def test_a_trial_that_fails_leaves_its_table_untried_and_the_others_tried(
    postgres_servers: ServersForTests, monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline = RowTrial.baseline

    def failing(self: RowTrial) -> dict[str, str | None]:
        if "handover" in repr(self._table):
            self._stage.run("select 1 / 0")
        return baseline(self)

    monkeypatch.setattr(RowTrial, "baseline", failing)
    with postgres_servers.database() as urls:
        with psycopg.connect(urls.admin, autocommit=True) as connection:
            connection.execute(SCHEMA.read_bytes())
            wanted = [
                table for table in read_catalog(connection).tables if table.name in {"comments", "handover", "journal"}
            ]
        trials = try_tables(urls.admin, [table.oid for table in wanted], cast_of(personas(), {}))
    found = {trial.table: trial.untried for trial in trials}
    assert found.pop("public.handover") == "the trial failed: division by zero (22012)"
    assert set(found.values()) == {""}


def test_a_sample_row_of_the_application_closes_the_gap(postgres_servers: ServersForTests) -> None:
    with postgres_servers.database() as urls:
        with psycopg.connect(urls.admin, autocommit=True) as connection:
            connection.execute(SCHEMA.read_bytes())
            oids = [table.oid for table in read_catalog(connection).tables if table.name == "impossible"]
        samples = parse_samples(SAMPLE, "supabase/samples.sql")
        (trial,) = try_tables(urls.admin, oids, cast_of(personas(), samples))
    assert trial.untried == ""
    assert trial.cells["member", "authenticated"]["select"] == Cell(Reach.ALL, ("impossible_read",))
