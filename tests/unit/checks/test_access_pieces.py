"""The pure pieces of the access matrix: what a statement needs, what an answer means, which values a column takes."""

import pytest

from clarivum.checks.access.matrix import ALLOWED, RouteCell
from clarivum.checks.access.personas import personas
from clarivum.checks.access.route_trial import Watch, read_answer
from clarivum.checks.access.statement_tables import needs_of
from clarivum.database.sqlstate import database_error
from clarivum.database.trial import Owner, Reach, parse_samples
from clarivum.database.trial.candidates import candidates, is_owner_column, variants
from clarivum.database.trial.outcome import reach_of
from clarivum.database.trial.relation import ColumnShape, Constraint, Relation, RowPolicy
from clarivum.errors import FORBIDDEN, ConfigurationError, RequestError

OWNER = Owner("member", "auth0|member", "member@example.org")


@pytest.mark.parametrize(
    ("sql", "needs"),
    [
        ("select 1", set()),
        (
            "select * from leads l join public.profiles p on true",
            {("select", "public.leads"), ("select", "public.profiles")},
        ),
        ("insert into a.b (c) values (1)", {("insert", "a.b")}),
        (
            "insert into b (c) select d from e returning c",
            {("insert", "public.b"), ("select", "public.b"), ("select", "public.e")},
        ),
        (
            "insert into b (c) values (1) on conflict (c) do update set c = 2",
            {("insert", "public.b"), ("update", "public.b")},
        ),
        ("insert into b (c) values (1) on conflict do nothing", {("insert", "public.b")}),
        ("update b set c = 1 from d where d.id = b.id", {("update", "public.b"), ("select", "public.d")}),
        ("delete from b where c in (select c from d)", {("delete", "public.b"), ("select", "public.d")}),
        ("with x as (delete from b returning c) select * from x", {("delete", "public.b"), ("select", "public.b")}),
        ("with b as (select 1) select * from b, a.b, public.b", {("select", "a.b"), ("select", "public.b")}),
        ("with b as (select * from b) select * from b", {("select", "public.b")}),
        ("with b as (select 1), c as (select * from b) select * from c", set()),
        ("with c as (select * from b), b as (select 1) select * from b", {("select", "public.b")}),
        ("with recursive b as (select 1 union all select * from b) select * from b", set()),
        ("select (with b as (select 1) select 1 from b), d from b", {("select", "public.b")}),
        ("with b as (select 1 as c) insert into b (c) select c from b", {("insert", "public.b")}),
        ("this is no SQL", set()),
    ],
)
def test_what_a_statement_needs(sql: str, needs: set[tuple[str, str]]) -> None:
    assert needs_of(sql) == needs


def watch(*, reached: bool, error: Exception | None = None) -> Watch:
    made = Watch()
    made.reached, made.error = reached, error
    return made


def test_a_refusal_before_the_handler_is_the_guards() -> None:
    cell = read_answer(403, "forbidden", watch(reached=False))
    assert (cell.outcome, cell.let_in, cell.database) == ("forbidden", False, "")
    assert read_answer(422, "validation_failed", watch(reached=False)).let_in
    assert read_answer(200, "", watch(reached=False)).outcome == ALLOWED


def test_a_refusal_after_the_handler_is_the_databases_or_the_handlers_own() -> None:
    denied = database_error("42501", "permission denied for table t", role="authenticated", where="x")
    assert read_answer(403, "forbidden", watch(reached=True, error=denied)).database == "42501"
    assert read_answer(401, "unauthenticated", watch(reached=True)).database == "42501"
    own = read_answer(403, "forbidden", watch(reached=True, error=RequestError("not yours", code=FORBIDDEN)))
    assert (own.outcome, own.database, own.let_in) == ("forbidden by the handler", "", True)
    assert read_answer(500, "internal_error", watch(reached=True)).outcome == "failed (internal_error)"
    assert read_answer(404, "not_found", watch(reached=True)).outcome == ALLOWED


@pytest.mark.parametrize(
    ("cell", "tried"),
    [
        (RouteCell(ALLOWED, 200, reached=True), True),
        (RouteCell("forbidden", 403, reached=False), True),
        (RouteCell("refused by the database", 403, reached=True, database="42501"), True),
        (RouteCell("forbidden by the handler", 403, reached=True), True),
        (RouteCell("validation_failed", 422, reached=False), False),
        (RouteCell("failed (internal_error)", 500, reached=True), False),
    ],
)
def test_a_cell_is_tried_when_it_says_what_the_caller_may_do(cell: RouteCell, tried: bool) -> None:
    assert cell.is_tried is tried


def test_every_role_has_a_persona_and_the_worker_makes_no_requests() -> None:
    found = {persona.name: persona for persona in personas()}
    assert list(found) == ["anonymous", "member", "other member", "editor", "admin", "ops", "machine", "worker"]
    assert [guise.context.role for guise in found["admin"].guises] == ["clarivum_staff", "authenticated"]
    assert [guise.context.role for guise in found["member"].guises] == ["authenticated"]
    assert [guise.context.role for guise in found["worker"].guises] == ["clarivum_worker"]
    assert not found["worker"].calls
    assert [persona.name for persona in found.values() if persona.is_machine] == ["machine"]
    assert {found[name].owner for name in ("anonymous", "machine", "worker")} == {None}
    assert "auditor" in {persona.name for persona in personas({"auditor": "reads"})}


@pytest.mark.parametrize(
    ("reached", "own", "reach"),
    [
        (set(), "a", Reach.NONE),
        ({"a"}, "a", Reach.OWN),
        ({"b", "c"}, "a", Reach.OTHERS),
        ({"a", "b", "c"}, "a", Reach.ALL),
        ({"b", "c", "a"}, "worker", Reach.ALL),
        ({"a", "b"}, "a", Reach.SOME),
        ({"b"}, "worker", Reach.SOME),
    ],
)
def test_the_reach_is_told_by_whose_rows_were_reached(reached: set[str], own: str, reach: Reach) -> None:
    assert reach_of(reached, {"a", "b", "c"}, own) is reach


def column(name: str, kind: str = "text", category: str = "S", type: str = "", **more: bool) -> ColumnShape:
    given = {"required": True, "filled": False, "fixed": False, **more}
    return ColumnShape(name, type or kind, kind, category, labels=(), domain_checks=(), **given)


def relation(
    *columns: ColumnShape, checks: dict[str, str] | None = None, policy: str = "", unique: str = ""
) -> Relation:
    constraints = [Constraint(f"{name}_check", "c", text, (name,)) for name, text in (checks or {}).items()]
    constraints += [Constraint("key", "u", "", (unique,))] if unique else []
    policies = (RowPolicy("p", "select", True, frozenset({0}), policy),) if policy else ()
    return Relation(1, "public", "t", "r", True, columns, tuple(constraints), policies)


def test_values_come_from_checks_names_and_types() -> None:
    status = column("status")
    assert candidates(
        relation(status, checks={"status": "CHECK (status = ANY (ARRAY['on'::text, 'off'::text]))"}), status, OWNER, 1
    )[:2] == ["on", "off"]
    mail, who = column("email"), column("owner_id")
    assert candidates(relation(mail), mail, OWNER, 1)[0] == OWNER.email
    assert candidates(relation(who), who, OWNER, 1)[0] == OWNER.subject
    digest = column("digest", "bytea", "U")
    assert candidates(relation(digest, checks={"digest": "CHECK (octet_length(digest) = 32)"}), digest, OWNER, 3) == [
        "\\x03" + "00" * 31
    ]
    short = column("code", "varchar", "S", "character varying(3)")
    assert all(len(text) <= 3 for text in candidates(relation(short), short, OWNER, 1))
    assert candidates(relation(column("x", "geometry", "U")), column("x", "geometry", "U"), OWNER, 1) == []


def test_unique_values_differ_between_owners() -> None:
    name, number = column("handle"), column("n", "int4", "N")
    for shape in (name, number):
        table = relation(shape, unique=shape.name)
        assert candidates(table, shape, OWNER, 1)[0] != candidates(table, shape, OWNER, 2)[0]


def test_free_text_that_a_policy_compares_with_the_caller_says_whose_a_row_is() -> None:
    author, kind = column("author"), column("kind")
    table = relation(author, kind, policy="((author = ( SELECT clarivum.subject())) OR (kind = 'public'::text))")
    assert is_owner_column(table, author)
    assert not is_owner_column(table, kind)
    assert variants(table, {"kind": "sample", "author": "auth0|member"}) == [("kind is public", "kind", "public")]


def test_states_are_those_that_a_policy_names() -> None:
    columns = (
        column("pinned", "bool", "B"),
        column("deleted_at", "timestamptz", "D", required=False),
        column("unnamed", "bool", "B"),
    )
    table = relation(*columns, policy="(pinned AND (deleted_at IS NULL))")
    assert [name for name, _, _ in variants(table, {"pinned": "f", "deleted_at": None})] == [
        "pinned is true",
        "deleted_at is set",
    ]
    assert [name for name, _, _ in variants(table, {"pinned": "t", "deleted_at": "2020-01-01"})] == ["pinned is false"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("select 1;", 1),
        ("insert into a (b) values (1);\n-- two\ninsert into a (b) values (2);", 3),
        ("insert into a values (1)", 1),
        ("insert into a (b) values (1) returning b", 1),
    ],
)
def test_samples_of_another_form_are_refused_with_their_line(text: str, line: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"supabase/samples.sql:{line}: "):
        parse_samples(text, "supabase/samples.sql")
    with pytest.raises(ConfigurationError, match="is not SQL"):
        parse_samples("insert into", "supabase/samples.sql")


def test_samples_are_found_by_table() -> None:
    found = parse_samples('-- ą\ninsert into public."A b" (c, "D") values (\'ż\', 2);\n', "samples.sql")
    assert found["public.A b"].columns == ("c", "D")
    assert found["public.A b"].sql.endswith("('ż', 2)")
    assert parse_samples("", "samples.sql") == {}
