"""Every rule: red where its violation was planted, silent everywhere else.

Each assertion names *all* findings of a rule in the seeded application, so it fails when a violation is missed as well
as when one of the clean counterparts beside it is reported.
"""

import re
from pathlib import Path

import pytest

from clarivum.checks import Finding, Level
from clarivum.checks.registry import RULES
from clarivum.jobs.typescript import FOLDER
from clarivum.jobs.typescript.client import SOURCES
from tests.integration.checks.checking import PLATFORM_MIGRATIONS, Checked
from tests.integration.checks.planted import PLANTED

CREATED = re.compile(r"^create (?:unlogged )?table ", re.MULTILINE)
TABLES = "supabase/migrations/20270101000000_tables.sql"
CROSSING = "supabase/migrations/20270102000000_crossing.sql"
ANONYMOUS = "supabase/migrations/20270103000000_anonymous.sql"
NOTES = "seeded_backend/notes"
REFUSED = "refused_backend/notes"

GENERATED = (
    "package.json",
    "tsconfig.json",
    "src/jobs.ts",
    "src/payloads.ts",
    *(f"src/{source}" for source in SOURCES),
)
SEEDED: dict[str, list[tuple[str, str, str]]] = {
    "api/route-not-served": [(f"{NOTES}/routes.py", '@get("/api/v1/forgotten"', "GET /api/v1/forgotten")],
    "database/cross-team-migration": [
        (CROSSING, "comment on column clarivum", "20270102000000_crossing"),
        (ANONYMOUS, "-- Whose", "20270103000000_anonymous"),
        (ANONYMOUS, "comment on column", "20270103000000_anonymous"),
    ],
    "database/table-without-rls": [(TABLES, "create table public.without_rls", "public.without_rls")],
    "database/table-without-force": [(TABLES, "create table public.without_force", "public.without_force")],
    "database/table-without-policy": [(TABLES, "create table public.without_policy", "public.without_policy")],
    "database/table-without-owner": [
        (TABLES, "create table public.without_owner", "public.without_owner"),
        (TABLES, "create table public.unknown_owner", "public.unknown_owner"),
    ],
    "database/row-count-unreadable": [(TABLES, "create table public.uncounted", "public.uncounted")],
    "database/table-without-grant": [(TABLES, "create table public.without_grant", "public.without_grant")],
    "database/table-with-unsafe-grant": [
        (TABLES, "create table public.truncatable", "public.truncatable"),
        (TABLES, "create table public.open_to_all", "public.open_to_all"),
    ],
    "database/policy-without-index": [
        (TABLES, "create policy unindexed_read", "public.unindexed.unindexed_read"),
    ],
    "database/policy-call-per-row": [(TABLES, "create policy per_row_read", "public.per_row.per_row_read")],
    "database/query-not-declared": [
        (f"{NOTES}/routes.py", "import psycopg", "psycopg"),
        (f"{NOTES}/routes.py", "COUNT = ", "seeded_backend.notes.routes"),
        (f"{NOTES}/routes.py", '"select 1"', "list_fine"),
        (f"{NOTES}/routes.py", "queries.undeclared", "undeclared"),
    ],
    "database/query-invalid": [(f"{NOTES}/queries.sql", "select id, sauce", "misspelt")],
    "database/query-unknown-parameter": [(f"{NOTES}/routes.py", "sorce=", "fine_by_source")],
    "database/query-row-mismatch": [(f"{NOTES}/queries.sql", "-- name: unfit", "unfit")] * 4,
    "database/query-not-permitted": [(f"{NOTES}/queries.sql", "-- name: not_permitted", "not_permitted")],
    "database/query-without-index": [(f"{NOTES}/queries.sql", "-- name: fine_by_source", "fine_by_source")],
    "database/erd-out-of-date": [("docs/architecture.md", "| `public.fine` | platform", "docs/architecture.md")],
    "jobs/job-not-registered": [(f"{NOTES}/jobs.py", "@job(Third", "notes.forgotten")],
    "jobs/payload-incompatible": [(f"{NOTES}/jobs.py", "@job(First", "notes.with_queue")],
    "jobs/payload-not-committed": [(f"{NOTES}/jobs.py", "@job(Second", "notes.without_queue")],
    "jobs/client-out-of-date": [(f"{FOLDER}/{file}", "", f"{FOLDER}/{file}") for file in GENERATED],
    "jobs/job-removed": [("clients/payloads/notes.gone.json", "", "notes.gone")],
    "jobs/pages-out-of-date": [(page, "", page) for page in ("docs/jobs.md", "docs/runbooks/deployment.md")],
    "jobs/template-out-of-date": [("infra/template.yaml", "VisibilityTimeout: 30", "infra/template.yaml")],
    "jobs/queue-missing": [(f"{NOTES}/jobs.py", "@job(Second", "notes.without_queue")],
    "docs/page-out-of-date": [
        ("docs/errors.md", "invalid_tokan", "docs/errors.md"),
        ("docs/settings.md", "", "docs/settings.md"),
    ],
    "checks/waiver-expired": [("waivers.toml", "[[waiver]]", "public.without_grant")],
}
IN_REFUSED: dict[str, list[tuple[str, str, str]]] = {
    "application/declaration-refused": [
        (f"{REFUSED}/contradiction.py", "@get", "refused_backend.notes.contradiction"),
    ],
    "api/route-without-access": [(f"{REFUSED}/routes.py", "@web.post", "POST /api/v1/open")],
    "api/route-without-owner": [
        (f"{REFUSED}/__init__.py", "feature = Feature", "notes"),
        (f"{REFUSED}/__init__.py", "nameless = Feature", "nameless"),
    ],
    "jobs/job-without-key": [(f"{REFUSED}/jobs.py", "@job(Number, timeout_s=5)", "keyless")],
    "jobs/job-without-timeout": [(f"{REFUSED}/jobs.py", '"notes.timeless"', "notes.timeless")],
    "database/migration-fails": [
        ("supabase/migrations/20270101000000_broken.sql", "create tabel", "20270101000000_broken"),
    ],
}
ELSEWHERE = {
    "auth/cell-untried": "test_what_cannot_be_tried_is_a_finding_until_a_sample_is_given",
    "auth/guard-and-policy-disagree": "test_a_missing_grant_is_where_the_guard_lets_in_and_the_database_refuses",
    "auth/matrix-out-of-date": "test_a_wrong_policy_is_found_cell_by_cell",
    "auth/worker-in-route": "test_a_handler_that_becomes_the_worker_is_found",
    "database/advisor": "test_advice_is_a_finding_at_the_statement_that_made_the_object",
    "database/destructive-migration": "test_a_destructive_migration_is_found_at_its_statement",
    "database/squawk": "test_what_squawk_minds_is_found_with_its_rule_file_and_line",
    "checks/waiver-unused": "test_a_waiver_that_matches_nothing_is_a_warning",
    "database/foreign-key-without-index": "test_a_waived_finding_is_counted_and_not_shown",
    "telemetry/span-or-metric-missing": "test_telemetry_that_is_switched_off_is_found_at_every_route_and_job",
}


def places(application: Checked, expected: list[tuple[str, str, str]]) -> list[tuple[str, int, str]]:
    return sorted((file, application.line(file, text) if text else 1, subject) for file, text, subject in expected)


def found(findings: list[Finding]) -> list[tuple[str, int, str]]:
    return sorted((finding.file, finding.line, finding.subject) for finding in findings)


@pytest.mark.parametrize("rule", SEEDED)
def test_a_seeded_violation_turns_the_rule_red(seeded: Checked, rule: str) -> None:
    assert found(seeded.of(rule)) == places(seeded, SEEDED[rule])


@pytest.mark.parametrize("rule", IN_REFUSED)
def test_a_refused_declaration_is_found_though_nothing_loads(refused: Checked, rule: str) -> None:
    assert found(refused.of(rule)) == places(refused, IN_REFUSED[rule])


def test_a_migration_that_fails_is_its_author_s(refused: Checked) -> None:
    (failing,) = refused.of("database/migration-fails")
    assert failing.owner == "growth"


def test_an_application_that_keeps_every_rule_has_no_findings(clean: Checked) -> None:
    assert clean.report.findings == ()
    assert clean.report.skipped == ()
    made = [CREATED.findall(path.read_text(encoding="utf-8")) for path in PLATFORM_MIGRATIONS.glob("*_clarivum_*.sql")]
    platform = sum(map(len, made))
    assert (clean.report.rules, clean.report.queries, clean.report.tables) == (len(RULES), 4, 2 + platform)


def test_every_rule_has_a_seeded_violation() -> None:
    assert {rule.id for rule in RULES} == SEEDED.keys() | IN_REFUSED.keys() | PLANTED.keys() | ELSEWHERE.keys()
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert all(f"def {name}(" in tests for name in ELSEWHERE.values())


def test_rules_that_need_the_application_say_that_they_could_not_look(refused: Checked) -> None:
    assert {rule.id for rule in refused.report.skipped} == {rule.id for rule in RULES if rule.needs_application}


def test_a_waived_finding_is_counted_and_not_shown(seeded: Checked) -> None:
    assert seeded.of("database/foreign-key-without-index") == []
    assert seeded.report.waived == 1


def test_a_waiver_that_matches_nothing_is_a_warning(seeded: Checked) -> None:
    (unused,) = seeded.of("checks/waiver-unused")
    assert (unused.subject, unused.level) == ("public.renamed_since", Level.WARNING)


def test_findings_name_their_team_its_channel_and_their_page(seeded: Checked) -> None:
    (grant,) = seeded.of("database/table-without-grant")
    assert (grant.owner, grant.ask) == ("growth", "growth engineering, #growth")
    assert grant.docs == "docs/checks/database.md#table-without-grant"
    (plan,) = seeded.of("database/query-without-index")
    assert plan.ask == "data champion, #data"


def test_a_finding_about_a_plan_proposes_the_index_that_was_proven(seeded: Checked) -> None:
    (plan,) = seeded.of("database/query-without-index")
    assert "filter: source" in plan.message
    assert "as authenticated" in plan.message
    index = "fine_subject_source_created_at_idx on public.fine (subject, source, created_at desc);"
    assert plan.fix == f"create index concurrently {index}   -- planned again with it: 50 rows"


def test_a_row_that_does_not_fit_is_told_column_by_column(seeded: Checked) -> None:
    assert {finding.message for finding in seeded.of("database/query-row-mismatch")} == {
        "column source is no field of Unfit",
        "Unfit needs missing, which it does not return",
        "id is uuid, but Unfit.id takes integer",
        "body may be null, but Unfit.body takes no None",
    }
