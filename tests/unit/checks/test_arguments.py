"""What calls give to queries: followed as far as Python's syntax tells, and told where it does not."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from clarivum.checks.rules.database import query_unknown_parameter
from clarivum.checks.sources import read_sources
from clarivum.checks.usage import read_usage

QUERIES = """
-- name: by_source -> many
select id from leads where source = %(source)s limit %(limit)s;

-- name: page -> many
select id from leads where (created_at, id) < (%(after_created_at)s, %(after_id)s) limit %(limit)s;

-- name: add -> none
insert into leads (source, note) values (%(source)s, %(note)s);

-- name: all_of_them -> many
select id from leads;
"""
HEAD = """
from typing import Annotated
from datetime import datetime
from uuid import UUID
from clarivum.api import Contract, Keyset, NewestFirst, PageRequest
from clarivum.database import Query, Session, Transaction, load_queries

queries = load_queries(__file__)
BY_NAME = {"add": queries.add, "all": queries.all_of_them}
chosen_before = queries.add

class Lead(Contract):
    source: str
    note: str | None = None

class Wide(Lead):
    more: int

class Order(Contract):
    lead: Lead

"""


class Shop:
    """Checks the body of one function `f`, in a package of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "arguments_shop"
        self.folder.mkdir()
        (self.folder / "queries.sql").write_text(QUERIES, encoding="utf-8")
        self.notes: list[str] = []

    def said(self, parameters: str, *lines: str) -> list[str]:
        body = "\n".join(f"    {line}" for line in lines)
        text = f"{HEAD}\nasync def f({parameters}):\n{body}\n"
        (self.folder / "__init__.py").write_text(text, encoding="utf-8")
        importlib.import_module("arguments_shop")
        sources, problems = read_sources("arguments_shop", self.folder, self.folder.parent)
        assert problems == ()
        application = SimpleNamespace(routes=(), jobs={}, features=())
        facts = SimpleNamespace(
            usage=read_usage(application, sources),  # type: ignore[arg-type]
            sources=sources,
            note=lambda text: self.notes.append(text.partition(" ")[2]),
        )
        return [problem.message for problem in query_unknown_parameter.look(facts)]  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Shop(tmp_path)
    sys.modules.pop("arguments_shop", None)


@pytest.mark.parametrize(
    ("parameters", "lines"),
    [
        ("s: Session", ["await s.many(queries.by_source, source='a', limit=1)"]),
        ("s: Session, body: Lead", ["await s.execute(queries.add, **body.model_dump())"]),
        ("s: Session, body: 'Lead | None'", ["await s.execute(queries.add, **body.model_dump(mode='json'))"]),
        ("s: Session, body: Wide", ["await s.execute(queries.add, **body.model_dump(exclude={'more'}))"]),
        ("s: Session, body: Order", ["await s.execute(queries.add, **body.lead.model_dump())"]),
        ("s: Session", ["lead = Lead(source='a')", "await s.execute(queries.add, **lead.model_dump())"]),
        ("s: Session, page: NewestFirst", ["await s.many(queries.page, **page.parameters)"]),
        ("s: Session", ["given = {'source': 'a', 'limit': 1}", "await s.many(queries.by_source, **given)"]),
        ("s: Session", ["await s.many(queries.by_source, **{'source': 'a', **dict(limit=1)})"]),
        ("s: Session, x: bool", ["q = queries.add if x else queries.add", "await s.execute(q, source='', note='')"]),
        ("s: Session", ["await s.execute(chosen_before, source='', note='')"]),
        ("s: object", ["await s.many(unknown, 1, 2)"]),
    ],
)
def test_what_is_given_as_it_should_be(shop: Shop, parameters: str, lines: list[str]) -> None:
    assert shop.said(parameters, *lines) == []
    assert shop.notes == []


@pytest.mark.parametrize(
    ("parameters", "lines", "said"),
    [
        ("s: Session", ["await s.many(queries.by_source, source='a', limits=1)"], "unknown limits; missing limit"),
        ("s: Session", ["await s.many(queries.all_of_them, source='a')"], "unknown source"),
        ("s: Session", ["await s.many(queries.by_source, 'a', 1)"], "missing source, limit; parameters without names"),
        ("s: Session, body: Wide", ["await s.execute(queries.add, **body.model_dump())"], "unknown more"),
        (
            "s: Session, body: Lead",
            ["await s.execute(queries.add, source='', **body.model_dump())"],
            "given twice: source",
        ),
        (
            "s: Session, body: Lead",
            ["await s.execute(queries.add, **body.model_dump(exclude_unset=True))"],
            "may be left out: note",
        ),
        (
            "s: Session, page: Annotated[PageRequest, Keyset.descending(id=UUID)]",
            ["await s.many(queries.page, **page.parameters)"],
            "missing after_created_at",
        ),
        ("s: Session, x: str", ["await s.execute(BY_NAME[x], source='', note='')"], "unknown source, note"),
        ("s: Session", ["given = {'source': 'a'}", "await s.many(queries.by_source, **given)"], "missing limit"),
    ],
)
def test_what_is_not(shop: Shop, parameters: str, lines: list[str], said: str) -> None:
    (message,) = shop.said(parameters, *lines)
    assert message.startswith(f"{said}: ")
    assert shop.notes == []


@pytest.mark.parametrize(
    ("parameters", "lines", "note"),
    [
        ("s: Session, **given", ["await s.many(queries.by_source, **given)"], "the parameters in **given cannot"),
        (
            "s: Session",
            ["given = {'source': 'a'}", "given['limit'] = 1", "await s.many(queries.by_source, **given)"],
            "by_source: the parameters in **given cannot be read",
        ),
        (
            "s: Session, body: Lead",
            ["await s.execute(queries.add, **body.model_dump(by_alias=True))"],
            "cannot be read",
        ),
        ("s: Session, q: Query", ["await s.many(q, source='a')"], "s.many: which query q is cannot be read"),
        (
            "s: Session, q: Query",
            ["async with s.transaction() as tx:", "    await tx.one(q)"],
            "tx.one: which query q is cannot be read",
        ),
    ],
)
def test_what_cannot_be_read_is_told(shop: Shop, parameters: str, lines: list[str], note: str) -> None:
    assert shop.said(parameters, *lines) == []
    (only,) = shop.notes
    assert note in only
