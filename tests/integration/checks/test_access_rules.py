"""The rules on the access matrix: a wrong policy, a wrong grant and a missing guard each turn the check red."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from clarivum.checks import Facts, Finding, choose, run
from clarivum.checks.access import PAGE, AccessMatrix, try_access, write_matrix
from clarivum.clock import SYSTEM_CLOCK
from clarivum.database.migrations.push import push
from clarivum.database.planning import Catalog, read_catalog
from clarivum.database.provision import provision
from clarivum.database.trial import copied as copied_database
from clarivum.errors import DeclarationError
from clarivum.testing.postgres import DatabaseUrls, ServersForTests
from tests.integration.checks.checking import TODAY, copied, forget

OUT_OF_DATE, UNTRIED, DISAGREE = "auth/matrix-out-of-date", "auth/cell-untried", "auth/guard-and-policy-disagree"
ROUTES = "clean_backend/notes/routes.py"


@contextmanager
def facts_of(root: Path, postgres: int = 18) -> Iterator[Facts]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(root))
        forget("clean_backend")
        with Facts("clean_backend.app:application", today=TODAY, root=root, postgres=postgres) as facts:
            yield facts
        forget("clean_backend")


def findings(root: Path) -> list[Finding]:
    """As the command finds them, on a scratch server of its own."""
    with facts_of(root) as facts:
        return list(run(facts, choose(["auth"]), SYSTEM_CLOCK).findings)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The clean application with its matrix, found on 16."""
    root = copied("clean", tmp_path_factory.mktemp("written"))
    with facts_of(root, postgres=16) as facts:
        assert facts.access is not None
        write_matrix(root, facts.access, facts.catalog, facts.places)
    return root


@pytest.fixture(scope="module")
def migrated(written: Path, postgres_servers: ServersForTests) -> Iterator[DatabaseUrls]:
    """A database with the migrations of the clean application, to be copied."""
    with postgres_servers.database(migrated=False) as urls:
        provision(urls.admin)
        push(urls.admin, written / "supabase" / "migrations")
        yield urls


class Seeding:
    """The clean application with its matrix, in which something is made wrong."""

    def __init__(self, root: Path, migrated: DatabaseUrls) -> None:
        self.root = root
        self._migrated = migrated

    def edit(self, file: str, before: str, after: str) -> None:
        text = (self.root / file).read_text(encoding="utf-8")
        assert before in text
        (self.root / file).write_text(text.replace(before, after), encoding="utf-8")

    def findings(self, *statements: str) -> list[Finding]:
        """What the rules find after these statements, on a copy of the migrated database."""
        with (
            copied_database(self._migrated.admin, self._migrated.app, "access_seeded") as (admin, app),
            facts_of(self.root) as facts,
        ):
            with psycopg.connect(admin, autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement.encode())
                catalog = read_catalog(connection)
            matrix = try_access(facts.application, catalog, admin, app)
            vars(facts).update(migration_refusal=None, catalog=catalog, access=matrix)
            return list(run(facts, choose(["auth"]), SYSTEM_CLOCK).findings)


@pytest.fixture
def clean_copy(written: Path, migrated: DatabaseUrls, tmp_path: Path) -> Seeding:
    root = tmp_path / "clean"
    shutil.copytree(written, root, ignore=shutil.ignore_patterns("__pycache__"))
    return Seeding(root, migrated)


def told(found: list[Finding], rule: str) -> dict[str, str]:
    return {finding.subject: finding.message for finding in found if finding.rule == rule}


def test_the_page_made_on_16_holds_on_18_and_nothing_is_found(written: Path) -> None:
    assert findings(written) == []


def test_a_wrong_policy_is_found_cell_by_cell(clean_copy: Seeding) -> None:
    cells = told(
        clean_copy.findings("alter policy notes_own_read on public.notes using (deleted_at is null)"), OUT_OF_DATE
    )
    assert cells["public.notes member as authenticated select"] == (
        "was 'own rows; none when deleted_at is set – notes_own_read' and is "
        "'all rows; none when deleted_at is set – notes_own_read'"
    )
    assert set(cells) == {
        f"public.notes {caller} as authenticated select"
        for caller in ("member", "other member", "editor", "admin", "ops", "machine")
    }


def test_a_wrong_grant_is_found(clean_copy: Seeding) -> None:
    cells = told(clean_copy.findings("grant delete, truncate on public.notes to authenticated"), OUT_OF_DATE)
    assert cells["public.notes member as authenticated delete"] == "was 'none – no grant' and is 'none – no policy'"
    assert cells["public.notes ops as authenticated truncate"] == (
        "was 'none – no grant' and is 'all rows – no policy applies'"
    )
    assert len(cells) == 12


def test_a_missing_grant_is_where_the_guard_lets_in_and_the_database_refuses(clean_copy: Seeding) -> None:
    found = clean_copy.findings("revoke select on public.topics from authenticated")
    assert told(found, DISAGREE)["GET /api/v1/topics"] == (
        "the guard lets member, other member, editor, admin, ops and machine in, and then the database refuses a "
        "statement of the handler (42501)"
    )
    (finding,) = [each for each in found if each.rule == DISAGREE]
    assert finding.file == ROUTES


def test_a_missing_guard_is_found(clean_copy: Seeding) -> None:
    guarded, open_to_all = "access=authenticated())", 'access=anyone(rate="9/minute"))'
    clean_copy.edit(ROUTES, f'@get("/api/v1/notes", {guarded}', f'@get("/api/v1/notes", {open_to_all}')
    found = clean_copy.findings()
    assert told(found, OUT_OF_DATE)["GET /api/v1/notes anonymous call"] == (
        "was 'unauthenticated' and is 'refused by the database'"
    )
    assert "GET /api/v1/notes" in told(found, DISAGREE)


def test_a_guard_that_lets_in_to_nothing_is_found(clean_copy: Seeding) -> None:
    found = clean_copy.findings("alter policy topics_read on public.topics to anon")
    assert told(found, DISAGREE)["GET /api/v1/topics"] == (
        "the guard lets member, other member, editor, admin, ops and machine in, but public.topics gives them nothing "
        "to select (no policy)"
    )


def test_a_policy_that_is_wider_than_every_guard_is_found(clean_copy: Seeding) -> None:
    clean_copy.edit(ROUTES, "access=authenticated()", 'access=role("member")')
    clean_copy.edit(ROUTES, "get, post", "get, post, role")
    assert told(clean_copy.findings(), DISAGREE) == {}
    found = clean_copy.findings("alter policy notes_own_read on public.notes using (deleted_at is null)")
    (wide,) = [each for each in found if each.rule == DISAGREE]
    assert (wide.owner, wide.file) == ("growth", "supabase/migrations/20270101000000_notes.sql")
    lines = (clean_copy.root / wide.file).read_text(encoding="utf-8").splitlines()
    assert lines[wide.line - 1].startswith("create policy notes_own_read")
    assert {each.owner for each in found if each.rule == OUT_OF_DATE} == {"growth"}
    assert told(found, DISAGREE) == {
        "public.notes": "notes_own_read lets editor, admin, ops and machine select others' rows as authenticated, but "
        "every route that does so refuses them (GET /api/v1/notes, POST /api/v1/notes)"
    }


def test_what_cannot_be_tried_is_a_finding_until_a_sample_is_given(clean_copy: Seeding) -> None:
    check = "alter table public.topics add constraint topics_about check (about ~ '^[A-Z]{3}[.][0-9]{4}$')"
    untried = told(clean_copy.findings(check), UNTRIED)
    assert list(untried) == ["public.topics"]
    assert "topics_about" in untried["public.topics"]
    (clean_copy.root / "supabase" / "samples.sql").write_text(
        "insert into public.topics (name, about) values (current_setting('sample.subject'), 'ABC.0001');"
    )
    assert clean_copy.findings(check) == []


def test_a_policy_that_lets_nothing_through_for_anybody_is_a_finding(clean_copy: Seeding) -> None:
    found = clean_copy.findings("alter policy notes_own_read on public.notes using (topic = 'a' and topic = 'b')")
    assert told(found, UNTRIED) == {
        "public.notes.notes_own_read": "let no row through, for no caller and in no state that was tried"
    }


def test_a_route_whose_example_never_gets_through_is_a_finding(clean_copy: Seeding) -> None:
    contract = "clean_backend/notes/contract.py"
    clean_copy.edit(
        contract, "    topic: str\n    body: str | None = None", '    topic: str = Field(pattern="^[0-9]$")'
    )
    clean_copy.edit(contract, "from clarivum.api", "from pydantic import Field\nfrom clarivum.api")
    assert told(clean_copy.findings(), UNTRIED) == {
        "POST /api/v1/notes": "the guard lets member, other member, editor, admin, ops in, and the request did not get "
        "through the handler: validation_failed"
    }


def test_a_handler_that_fails_for_one_caller_leaves_a_cell_untried(clean_copy: Seeding) -> None:
    declared = "async def list_notes(session: Session, page: NewestFirst) -> Page[Note]:"
    asking = declared.replace("page:", "principal: Principal, page:")
    summary = '    """List the caller\'s notes."""\n'
    clean_copy.edit(ROUTES, f"{declared}\n{summary}", f"{asking}\n{summary}    assert 'ops' not in principal.roles\n")
    clean_copy.edit(ROUTES, "from clarivum.database", "from clarivum.auth import Principal\nfrom clarivum.database")
    assert told(clean_copy.findings(), UNTRIED) == {
        "GET /api/v1/notes": "the guard lets ops in, and the request did not get through the handler: "
        "failed (internal_error)"
    }


def test_routes_that_cannot_be_served_together_are_told_once(
    clean_copy: Seeding, monkeypatch: pytest.MonkeyPatch
) -> None:
    def contradicting(*_given: object) -> AccessMatrix:
        raise DeclarationError("GET /a and GET /b have one name")

    monkeypatch.setattr("clarivum.checks.facts.try_access", contradicting)
    with facts_of(clean_copy.root) as facts:
        vars(facts).update(migration_refusal=None, catalog=Catalog((), frozenset()))
        monkeypatch.setattr(Facts, "scratch_urls", ("", ""))
        found = run(facts, choose(["auth"]), SYSTEM_CLOCK).findings
    assert [(each.rule, each.message) for each in found] == [
        (OUT_OF_DATE, "the routes cannot be served together: GET /a and GET /b have one name")
    ]


def test_a_table_that_is_new_or_gone_is_told_in_one_line(clean_copy: Seeding) -> None:
    found = clean_copy.findings("create table public.fresh (id int primary key)", "drop table public.topics")
    told_once = told([each for each in found if " " not in each.subject], OUT_OF_DATE)
    assert told_once == {
        "public.fresh": "is new: its cells stand on no page",
        "public.topics": "is gone, and its cells still stand there",
    }


def test_a_matrix_that_was_never_written_is_a_finding(clean_copy: Seeding) -> None:
    clean_copy.edit(PAGE, "# Access matrix", "# Access matrix by hand")
    assert list(told(clean_copy.findings(), OUT_OF_DATE)) == [PAGE]
    (clean_copy.root / PAGE).unlink()
    assert told(clean_copy.findings(), OUT_OF_DATE) == {
        PAGE: "the access matrix was tried, and this page of it is missing"
    }
