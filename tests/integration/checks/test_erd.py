"""The diagram of odd tables, as Mermaid itself understands it; both versions of Postgres make the same page."""

import json
import subprocess
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest

from clarivum.checks import Facts
from clarivum.checks.erd import erd_parts
from clarivum.checks.erd.diagram import MAX_CHARACTERS, diagram
from clarivum.checks.erd.listing import listing
from clarivum.database.planning import Catalog, Column, Table, read_catalog
from clarivum.database.planning.catalog import ForeignKey
from clarivum.testing.npm import install
from clarivum.testing.postgres import ServersForTests

MERMAID = Path(__file__).parents[2] / "npm" / "mermaid"
ODD = Path(__file__).with_name("odd_tables.sql").read_text(encoding="utf-8")
ONE, ZERO_OR_ONE, MANY = "ONLY_ONE", "ZERO_OR_ONE", "ZERO_OR_MORE"
CROOKED = [
    *"aZ09_- .,;:!?'\"`~#%&|<>(){}[]$\\/=+*@^\n\t\r\u00a0\u00b5\u2028\u3000éß日🙂\u0301",
    *("%%", "%%{init}%%", "direction TB", "one", "only one", "to", "many", "end", "PK", "fk", "uk", "style", "class "),
    *("erDiagram", "title", "accTitle: x", "<br>", '<a href="x">', "---", "```", "-->", "#quot;", "u.", "1+", "0+"),
]
REFERENCE = ForeignKey("table_fkey", ("column_0",), "public.table_0")
SOLID, DOTTED = "IDENTIFYING", "NON_IDENTIFYING"


def understood(*diagrams: str) -> Any:
    """What Mermaid's parser makes of each diagram; fails with the first that it does not take."""
    packages = install(MERMAID)
    script = (MERMAID / "parse.mjs").read_text(encoding="utf-8")
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script],
        cwd=packages,
        input=json.dumps(diagrams),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def catalogs(postgres_servers: ServersForTests) -> Mapping[int, Catalog]:
    found = {}
    for version in (16, 18):
        with (
            postgres_servers.database(version, migrated=False) as urls,
            psycopg.connect(urls.admin, autocommit=True) as connection,
        ):
            connection.execute("create schema if not exists auth")
            connection.execute(ODD.encode())
            found[version] = read_catalog(connection)
    return found


@pytest.fixture(scope="module")
def odd(catalogs: Mapping[int, Catalog]) -> Any:
    return understood(diagram(catalogs[18]))[0]


def test_every_table_is_an_entity_of_its_own_and_no_partition_is(odd: Any) -> None:
    assert list(odd["entities"]) == [
        "Order_Items",
        "Order_Items_2",
        "members",
        "nothing",
        "one",
        "only_one",
        "tenants",
        "totals",
        "Second_Schema.order",
        "odd.account_settings",
        "odd.accounts",
        "odd.events",
        "odd.notes",
        "odd.passports",
        "odd.visits",
        "auth.users",
    ]
    assert odd["entities"]["nothing"] == []


def test_columns_have_their_types_keys_and_comments(odd: Any) -> None:
    def of(entity: str) -> list[tuple[str, str, str, str]]:
        return [
            (each["type"], each["name"], " ".join(each["keys"]), each["comment"]) for each in odd["entities"][entity]
        ]

    assert of("odd.accounts") == [
        ("uuid", "tenant_id", "PK FK", ""),
        ("integer", "number", "PK", ""),
        ("integer", "parent_number", "FK", "may be null"),
        ("numeric", "balance", "", ""),
        ("timestamptz", "opened", "", ""),
        ("varchar", "user", "UK", "may be null"),
    ]
    # `number` is a foreign key as well: not by itself, but with tenant_id.
    assert of("odd.account_settings")[:3] == [
        ("uuid", "tenant_id", "PK FK", ""),
        ("integer", "number", "PK FK", ""),
        ("odd_Mood_of_Day[]", "moods", "", ""),
    ]
    assert of("tenants")[1] == (
        "text",
        "name",
        "UK",
        "Has 'quotes', 'ticks', -tildes-, ‹b class='x'›tags‹/b›, % and a seco…",
    )
    assert of("Order_Items") == [
        ("integer", "Item_No_", "PK", "named Item No."),
        ("text", "_PK", "", "named PK; may be null"),
        ("text", "_fk", "", "named fk; may be null"),
        ("text", "_2nd", "", "named 2nd; may be null"),
        ("integer", "größe", "", "may be null"),
        ("text", "日本", "", "may be null"),
        ("text", "with__quote", "UK", "named with 'quote; may be null"),
        ("text", "direction_TB", "", "named direction TB; may be null"),
    ]


@pytest.mark.parametrize(
    ("parent", "parents", "children", "child", "line", "label"),
    [
        ("tenants", ONE, MANY, "odd.accounts", SOLID, "tenant_id"),
        ("odd.accounts", ZERO_OR_ONE, MANY, "odd.accounts", DOTTED, "tenant_id, parent_number"),
        ("odd.accounts", ONE, ZERO_OR_ONE, "odd.account_settings", SOLID, "tenant_id, number"),
        ("tenants", ZERO_OR_ONE, MANY, "odd.account_settings", DOTTED, "backup_tenant"),
        ("tenants", ZERO_OR_ONE, ZERO_OR_ONE, "odd.passports", DOTTED, "tenant_id"),
        ("tenants", ONE, MANY, "odd.visits", DOTTED, "tenant_id"),
        ("Order_Items", ONE, ZERO_OR_ONE, "Second_Schema.order", SOLID, "one"),
        ("one", ONE, ZERO_OR_ONE, "only_one", SOLID, "id"),
        ("auth.users", ONE, ZERO_OR_ONE, "members", SOLID, "id"),
        ("odd.events", ZERO_OR_ONE, MANY, "odd.notes", DOTTED, "event_id, event_at"),
    ],
)
def test_a_reference_says_how_many_stand_on_each_side(
    odd: Any, parent: str, parents: str, children: str, child: str, line: str, label: str
) -> None:
    expected = {
        "parent": parent,
        "child": child,
        "label": label,
        "parents": parents,
        "children": children,
        "line": line,
    }
    assert [each for each in odd["relations"] if (each["child"], each["label"]) == (child, label)] == [expected]


def test_there_is_no_other_reference(odd: Any) -> None:
    assert len(odd["relations"]) == 10


def test_a_diagram_without_tables_is_one_too() -> None:
    assert understood(diagram(Catalog((), frozenset()))) == [{"entities": {}, "relations": []}]


def test_both_versions_of_postgres_make_the_same_of_odd_tables(catalogs: Mapping[int, Catalog]) -> None:
    assert diagram(catalogs[16]) == diagram(catalogs[18])
    assert listing(catalogs[16], {}, {}) == listing(catalogs[18], {}, {})


def test_the_list_keeps_real_names_within_its_cells(catalogs: Mapping[int, Catalog]) -> None:
    text = listing(catalogs[18], {}, {("odd.events_2026", "events_2026_at_idx"): ["events_of_day"]})
    assert '| `public.tenants` | growth | 400 | "Quoted" \\| piped ~ tenants; &lt;b>bold&lt;/b>. |' in text.splitlines()
    assert "### `public.Order Items`" in text
    assert "- partitions: `odd.events_2026`, `odd.events_2027`" in text
    assert "| `events_at_idx` | `at desc` | `events_of_day` |" in text
    assert "- a materialized view: no policy applies, whoever holds a grant reads every row" in text


@cache
def parts(postgres: int) -> Mapping[str, str]:
    with Facts("bff.app:application", today=date(2026, 11, 26), postgres=postgres) as facts:
        return erd_parts(facts)


def test_both_versions_of_postgres_make_the_same_page_of_our_own_application() -> None:
    assert parts(16) == parts(18)


def test_our_own_diagram_is_one_that_mermaid_draws() -> None:
    fenced = parts(18)["diagram"].split("\n")
    assert (fenced[0], fenced[-1]) == ("```mermaid", "```")
    (found,) = understood("\n".join(fenced[1:-1]))
    assert {"leads", "profiles", "entitlements", "entitlement_events", "clarivum.job_runs"} <= found["entities"].keys()


def any_catalog(random: Random) -> Catalog:
    """A few tables whose names, types and comments are made of what lexers trip over."""

    def words(longest: int = 6) -> str:
        return "".join(random.choices(CROOKED, k=random.randint(1, longest)))

    tables = []
    for number in range(random.randint(1, 4)):
        columns = tuple(
            Column(
                place, f"{words()}{place}" if place % 2 else words(), words(), 8, random.random() < 0.5, words(30), 0
            )
            for place in range(random.randint(0, 5))
        )
        names = tuple(column.name for column in columns)
        keys = (ForeignKey("key", names[:2], random.choice([f"{words()}.x", "public.0"])),) if names else ()
        name = "0" if number == 0 else words()
        schema = "public" if number < 2 else words()
        tables.append(Table(schema, name, number, "r", words(30), True, True, columns, (), (), (), (), keys))
    return Catalog(tuple({table.qualified: table for table in tables}.values()), frozenset())


def test_whatever_things_are_called_mermaid_takes_the_diagram() -> None:
    catalogs = [any_catalog(Random(seed)) for seed in range(300)]
    for catalog, found in zip(catalogs, understood(*map(diagram, catalogs)), strict=True):
        shown = {table.qualified for table in catalog.tables}
        outside = {key.references for table in catalog.tables for key in table.foreign_keys} - shown
        assert len(found["entities"]) == len(shown) + len(outside)
        columns = sorted(len(table.columns) for table in catalog.tables)
        assert sorted(map(len, found["entities"].values())) == sorted([*columns, *[0] * len(outside)])
        assert len(found["relations"]) == sum(len(table.foreign_keys) for table in catalog.tables)


def test_a_diagram_that_would_be_too_long_shows_keys_only() -> None:
    columns = tuple(Column(place, f"column_{place}", "text", -1, True, "", 0) for place in range(20))
    tables = tuple(
        Table("public", f"table_{number}", number, "r", "", True, True, columns, (), (), (), (), (REFERENCE,))
        for number in range(300)
    )
    whole, keys = diagram(Catalog(tables[:10], frozenset())), diagram(Catalog(tables, frozenset()))
    assert len(keys) <= MAX_CHARACTERS
    few, many = understood(whole, keys)
    assert {len(found) for found in few["entities"].values()} == {20}
    assert {len(found) for found in many["entities"].values()} == {1}
    assert len(many["relations"]) == 300
