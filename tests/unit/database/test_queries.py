"""Query files: what a heading declares, and what is refused with file and line."""

import types
from pathlib import Path

import pytest
from pydantic import BaseModel

from clarivum.database import load_queries, parse_queries
from clarivum.database.query_syntax import check_syntax
from clarivum.database.wire.encode import encode_parameters
from clarivum.errors import DeclarationError


class Lead(BaseModel):
    """A row class."""

    id: int


ROWS = types.ModuleType("contract")
ROWS.Lead = Lead  # type: ignore[attr-defined]

FILE = """-- What the feature runs.

-- name: leads_by_source -> many Lead
-- The newest leads of one source.
-- Second line.
select id from public.leads
where source = %(source)s  -- not %(this)s
limit %(limit)s;

-- name: report -> many, slow
select 1 as one;

-- name: touch -> none
update public.leads set last_seen_at = now() where id = %(id)s;

-- name: claim -> maybe Lead, writes, slow
select clarivum.claim(%(id)s) as id
"""


def test_a_file_becomes_queries_in_its_order() -> None:
    queries = parse_queries(FILE, "bff/leads/queries.sql", ROWS)
    assert [query.name for query in queries] == ["leads_by_source", "report", "touch", "claim"]
    assert len(queries) == 4
    assert "touch" in queries
    query = queries.leads_by_source
    assert query.kind == "many"
    assert query.row is Lead
    assert query.parameters == ("source", "limit")
    assert query.doc == "The newest leads of one source.\nSecond line."
    assert (query.file, query.line, query.sql_line) == ("bff/leads/queries.sql", 3, 6)
    assert query.where == "bff/leads/queries.sql:3 leads_by_source"
    assert query.sql.startswith("select id")
    assert query.source.startswith("select id")
    assert (query.operation, query.collection, query.writes, query.slow) == ("SELECT", "public.leads", False, False)
    assert (queries.report.slow, queries.report.writes) == (True, False)
    assert (queries.touch.kind, queries.touch.writes) == ("none", True)
    assert (queries.claim.row, queries.claim.writes, queries.claim.slow) == (Lead, True, True)


def test_queries_are_frozen_and_distinct() -> None:
    queries = parse_queries(FILE, "queries.sql", ROWS)
    with pytest.raises(AttributeError):
        queries.touch.sql = "select 2"  # type: ignore[misc]
    assert queries.touch != parse_queries(FILE, "queries.sql", ROWS).touch


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    queries = parse_queries(FILE, "bff/leads/queries.sql", ROWS)
    with pytest.raises(AttributeError, match=r"bff/leads/queries\.sql declares no query 'tuoch'; did you mean touch\?"):
        _ = queries.tuoch


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("select 1", r"q\.sql:1: SQL before the first"),
        ("-- name: a\nselect 1", r"q\.sql:1: cannot read `-- name: a`"),
        ("-- name: A -> one\nselect 1", r"q\.sql:1: cannot read"),
        ("-- name: a -> some\nselect 1", r"q\.sql:1 a: unknown kind 'some'; expected one of one, maybe, many, none"),
        ("-- name: a -> one, fast\nselect 1", r"q\.sql:1 a: unknown flag 'fast'"),
        ("-- name: a -> one Lead\nselect 1", r"q\.sql:1 a: row class Lead cannot be found; pass load_queries"),
        ("-- name: a -> none Lead\nselect 1", r"q\.sql:1 a: `none` returns the number of rows"),
        (
            "-- name: a -> one\nselect 1\n-- name: a -> one\nselect 2",
            r"q\.sql:3 a: there is a query of this name at line 1",
        ),
        ("-- name: file -> one\nselect 1", r"q\.sql:1 file: this name is taken"),
        ("-- name: a -> one\n-- doc\nselect 1;\n\nselect 2", r"q\.sql:5 a: more than one statement"),
        ("-- name: a -> one\n\nselect $1", r"q\.sql:3 a: write %\(name\)s"),
        ("-- name: a -> one\n-- only a comment", r"q\.sql:1 a: there is no statement"),
    ],
)
def test_a_faulty_declaration_is_named_with_file_and_line(text: str, complaint: str) -> None:
    with pytest.raises(DeclarationError, match=complaint):
        parse_queries(text, "q.sql")


def test_a_row_class_must_be_in_the_contract() -> None:
    with pytest.raises(DeclarationError, match=r"q\.sql:1 a: contract has no class Leed"):
        parse_queries("-- name: a -> one Leed\nselect 1", "q.sql", ROWS)


def test_the_file_lies_beside_its_caller(tmp_path: Path) -> None:
    module = tmp_path / "__init__.py"
    with pytest.raises(DeclarationError, match="there is no such file"):
        load_queries(str(module))
    (tmp_path / "queries.sql").write_text("-- name: one -> one\nselect 1 as one\n", encoding="utf-8")
    assert load_queries(str(module)).one.sql == "select 1 as one"
    (tmp_path / "queries.sql").write_bytes(b"-- name: one -> one\nselect '\xff'")
    with pytest.raises(DeclarationError, match="not UTF-8"):
        load_queries(str(module))


def test_a_file_read_when_used_names_a_faulty_heading_now_and_a_faulty_text_when_asked_for_it(
    tmp_path: Path,
) -> None:
    module, file = tmp_path / "__init__.py", tmp_path / "queries.sql"
    file.write_text("-- name: one -> one\nselect 1 as one;\n-- name: torn -> one\n\nselect 'a\n")
    queries = load_queries(str(module), when_used=True)
    assert ("torn" in queries, len(queries)) == (True, 2)
    assert queries.one is queries.one
    for ask in (lambda: queries.torn, lambda: list(queries), lambda: load_queries(str(module))):
        with pytest.raises(DeclarationError, match=r"queries\.sql:5 torn: "):
            ask()
    file.write_text("-- name: one -> some\nselect 1 as one\n")
    with pytest.raises(DeclarationError, match="unknown kind 'some'"):
        load_queries(str(module), when_used=True)


def test_the_grammar_is_asked_on_demand() -> None:
    queries = parse_queries(
        "-- name: a -> one\nselect %(x)s::int\n-- name: b -> one\n-- doc\nselect 1,\n  from x", "q.sql"
    )
    check_syntax(queries.a)
    with pytest.raises(DeclarationError, match=r"q\.sql:6 b: syntax error"):
        check_syntax(queries.b)


def test_parameters_are_the_declared_ones() -> None:
    query = parse_queries(FILE, "q.sql", ROWS).leads_by_source
    assert encode_parameters(query, {"limit": 10, "source": "site"}) == [b"site", b"10"]
    for given, complaint in (
        ({"source": "site"}, "q.sql:3 leads_by_source: missing limit; it takes source, limit"),
        ({"source": "site", "limit": 1, "offset": 2}, "unknown parameter offset"),
        ({"source": "site", "limti": 1}, "missing limit; unknown parameter limti"),
        ({"source": "site", "limit": object}, "cannot be a parameter"),
    ):
        with pytest.raises(TypeError, match=complaint):
            encode_parameters(query, given)
