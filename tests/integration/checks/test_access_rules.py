"""The rules on the access matrix: a wrong policy, a wrong grant and a missing guard each turn the check red."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from clarivum.checks import Facts, Finding, choose, run
from clarivum.checks.access import DOCUMENT, PAGE, write_matrix
from clarivum.clock import SYSTEM_CLOCK
from tests.integration.checks.checking import TODAY, copied, forget

OUT_OF_DATE, UNTRIED, DISAGREE = "auth/matrix-out-of-date", "auth/cell-untried", "auth/guard-and-policy-disagree"
NOTES = "supabase/migrations/20270101000000_notes.sql"
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


@pytest.fixture
def changed(written: Path, tmp_path: Path) -> Callable[..., Path]:
    """Makes a copy of the clean application, with its matrix, in which a text of a file is another."""

    def change(file: str, before: str, after: str) -> Path:
        root = copied("clean", tmp_path)
        for name in (PAGE, DOCUMENT):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text((written / name).read_text(encoding="utf-8"), encoding="utf-8")
        text = (root / file).read_text(encoding="utf-8")
        assert before in text
        (root / file).write_text(text.replace(before, after), encoding="utf-8")
        return root

    return change


def told(found: list[Finding], rule: str) -> dict[str, str]:
    return {finding.subject: finding.message for finding in found if finding.rule == rule}


def test_the_page_made_on_16_holds_on_18_and_nothing_is_found(written: Path) -> None:
    assert findings(written) == []


def test_a_wrong_policy_is_found_cell_by_cell(changed: Callable[..., Path]) -> None:
    own = "using (subject = (select auth.jwt() ->> 'sub') and deleted_at is null);"
    found = findings(changed(NOTES, own, "using (deleted_at is null);"))
    cells = told(found, OUT_OF_DATE)
    assert cells["public.notes member as authenticated select"] == (
        "was 'own rows; none when deleted_at is set – notes_own_read' and is "
        "'all rows; none when deleted_at is set – notes_own_read'"
    )
    assert set(cells) == {
        f"public.notes {caller} as authenticated select"
        for caller in ("member", "other member", "editor", "admin", "ops")
    }


def test_a_wrong_grant_is_found(changed: Callable[..., Path]) -> None:
    found = findings(changed(NOTES, "grant select, insert on", "grant select, insert, delete, truncate on"))
    cells = told(found, OUT_OF_DATE)
    assert cells["public.notes member as authenticated delete"] == "was 'none – no grant' and is 'none – no policy'"
    assert cells["public.notes ops as authenticated truncate"] == (
        "was 'none – no grant' and is 'all rows – no policy applies'"
    )
    assert len(cells) == 10


def test_a_missing_grant_is_where_the_guard_lets_in_and_the_database_refuses(changed: Callable[..., Path]) -> None:
    found = findings(
        changed(
            NOTES, "grant select on public.topics to anon, authenticated;", "grant select on public.topics to anon;"
        )
    )
    assert told(found, DISAGREE)["GET /api/v1/topics"] == (
        "the guard lets member, other member, editor, admin and ops in, and then the database refuses a statement "
        "of the handler (42501)"
    )
    (finding,) = [each for each in found if each.rule == DISAGREE]
    assert finding.file == ROUTES


def test_a_missing_guard_is_found(changed: Callable[..., Path]) -> None:
    opened = changed(
        ROUTES, '@get("/api/v1/notes", access=authenticated())', '@get("/api/v1/notes", access=anyone(rate="9/minute"))'
    )
    found = findings(opened)
    assert told(found, OUT_OF_DATE)["GET /api/v1/notes anonymous call"] == (
        "was 'unauthenticated' and is 'refused by the database'"
    )
    assert "GET /api/v1/notes" in told(found, DISAGREE)


def test_a_guard_that_lets_in_to_nothing_is_found(changed: Callable[..., Path]) -> None:
    policy = "create policy topics_read on public.topics for select to anon, authenticated using (true);"
    found = findings(changed(NOTES, policy, policy.replace("anon, authenticated using (true)", "anon using (true)")))
    assert told(found, DISAGREE)["GET /api/v1/topics"] == (
        "the guard lets member, other member, editor, admin and ops in, but public.topics gives them nothing to select "
        "(no policy)"
    )


def test_a_policy_that_is_wider_than_every_guard_is_found(changed: Callable[..., Path]) -> None:
    root = changed(
        ROUTES, '@get("/api/v1/notes", access=authenticated())', '@get("/api/v1/notes", access=role("member"))'
    )
    routes = (root / ROUTES).read_text(encoding="utf-8").replace("get, post", "get, post, role")
    (root / ROUTES).write_text(
        routes.replace('@post("/api/v1/notes", access=authenticated()', '@post("/api/v1/notes", access=role("member")')
    )
    assert told(findings(root), DISAGREE) == {}
    migration = root / NOTES
    own = "using (subject = (select auth.jwt() ->> 'sub') and deleted_at is null);"
    migration.write_text(migration.read_text(encoding="utf-8").replace(own, "using (deleted_at is null);"))
    assert told(findings(root), DISAGREE) == {
        "public.notes": "notes_own_read lets editor, admin and ops select others' rows as authenticated, but every "
        "route that does so refuses them (GET /api/v1/notes, POST /api/v1/notes)"
    }


def test_what_cannot_be_tried_is_a_finding_until_a_sample_is_given(changed: Callable[..., Path]) -> None:
    about = "about text not null\n"
    root = changed(NOTES, about, "about text not null check (about ~ '^[A-Z]{3}[.][0-9]{4}$')\n")
    untried = told(findings(root), UNTRIED)
    assert list(untried) == ["public.topics"]
    assert "topics_about_check" in untried["public.topics"]
    (root / "supabase" / "samples.sql").write_text(
        "insert into public.topics (name, about) values (current_setting('sample.subject'), 'ABC.0001');"
    )
    assert findings(root) == []


def test_a_route_whose_example_never_gets_through_is_a_finding(changed: Callable[..., Path]) -> None:
    contract = "clean_backend/notes/contract.py"
    root = changed(contract, "    topic: str\n    body: str | None = None", '    topic: str = Field(pattern="^[0-9]$")')
    text = (root / contract).read_text(encoding="utf-8")
    (root / contract).write_text(text.replace("from clarivum.api", "from pydantic import Field\nfrom clarivum.api"))
    assert told(findings(root), UNTRIED) == {
        "POST /api/v1/notes": "the guard lets callers in, and no request got through the handler: validation_failed"
    }


def test_a_matrix_that_was_never_written_is_a_finding(changed: Callable[..., Path]) -> None:
    root = changed(PAGE, "# Access matrix", "# Access matrix by hand")
    assert list(told(findings(root), OUT_OF_DATE)) == [PAGE]
    (root / PAGE).unlink()
    assert told(findings(root), OUT_OF_DATE) == {PAGE: "the access matrix was tried, and this page of it is missing"}
