"""Indexes proposed for a weak scan."""

from dataclasses import replace
from typing import Any

from clarivum.database.planning.catalog import Index, Table
from clarivum.database.planning.explain import Node, read_plan
from clarivum.database.planning.proposal import Proposal, proposals
from clarivum.database.planning.weakness import Cause, Weakness


def index(name: str, *keys: str, order: tuple[str, ...] = (), predicate: str = "") -> Index:
    return Index(name, keys, order or ("",) * len(keys), (), predicate, unique=False, method="btree", oid=1)


def table(*indexes: Index) -> Table:
    return Table("public", "leads", 1, "r", "", True, True, (), (), (), (), indexes, ())


def scan(**more: Any) -> Node:
    document = {"Node Type": "Index Scan", "Plan Rows": 1, "Schema": "public", "Relation Name": "leads", "Alias": "l"}
    return read_plan([{"Plan": {**document, **more}}])


def proposed(node: Node, *indexes: Index, limited: bool = False, sort_keys: tuple[str, ...] = ()) -> list[str]:
    weakness = Weakness(Cause.FILTER, node, 10_000, 1, limited, sort_keys)
    used = next((each for each in indexes if each.name == node.index), None)
    return [each.ddl() for each in proposals(weakness, table(*indexes), used)]


def test_equal_columns_come_first_and_the_order_wanted_after_them() -> None:
    node = scan(Filter="(l.source = $1)")
    assert proposed(node, sort_keys=("l.created_at DESC", "l.id DESC"))[0] == (
        "create index concurrently leads_source_created_at_id_idx on public.leads (source, created_at desc, id desc);"
    )


def test_the_order_of_the_index_in_use_is_kept_under_a_limit() -> None:
    used = index("by_subject", "subject", "created_at", order=("", "desc"), predicate="(deleted_at IS NULL)")
    node = scan(**{"Index Name": "by_subject", "Index Cond": "(l.subject = $0)", "Filter": "(l.source = $1)"})
    first = proposed(node, used, limited=True)[0]
    assert first.endswith(" on public.leads (subject, source, created_at desc) where deleted_at IS NULL;")


def test_a_bitmap_delivers_no_order_to_be_kept() -> None:
    used = index("by_subject", "subject", "created_at", order=("", "desc"))
    below = {"Node Type": "Bitmap Index Scan", "Plan Rows": 1, "Index Name": "by_subject"}
    node = scan(**{"Recheck Cond": "(l.subject = $0)", "Filter": "(l.source = $1)", "Plans": [below]})
    bitmap = replace(node, kind="Bitmap Heap Scan", index="by_subject")
    assert proposed(bitmap, used, limited=True)[0].endswith(" on public.leads (subject, source);")


def test_a_name_in_quotes_stands_as_it_is() -> None:
    assert proposed(scan(Filter="""(l."Tenant ""x"" ID" = $1)"""))[0] == (
        'create index concurrently leads_tenant_x_id_idx on public.leads ("Tenant ""x"" ID");'
    )


def test_a_range_is_the_last_key() -> None:
    found = proposed(scan(Filter="((l.created_at < $1) AND (l.source = $2))"))
    assert found[0] == "create index concurrently leads_source_created_at_idx on public.leads (source, created_at);"


def test_what_is_fixed_becomes_the_predicate_and_is_tried_without() -> None:
    found = proposed(scan(Filter="((l.deleted_at IS NULL) AND (l.source = $1))"))
    assert found == [
        "create index concurrently leads_source_idx on public.leads (source) where deleted_at IS NULL;",
        "create index concurrently leads_source_idx on public.leads (source);",
    ]


def test_an_expression_stands_in_parentheses_unless_it_is_a_call() -> None:
    assert "(lower(email))" in proposed(scan(Filter="(lower(l.email) = $1)"))[0]
    assert "((utm ->> 'medium'))" in proposed(scan(Filter="((l.utm ->> 'medium') = $1)"))[0]


def test_what_no_index_narrows_has_no_proposal() -> None:
    assert proposed(scan(Filter="(l.source ~~ $1)")) == []


def test_a_sort_by_another_tables_column_gives_no_order() -> None:
    found = proposed(scan(Filter="(l.source = $1)"), sort_keys=("other.created_at DESC",))
    assert found == ["create index concurrently leads_source_idx on public.leads (source);"]


def test_an_index_that_exists_is_not_proposed() -> None:
    assert proposed(scan(Filter="(l.source = $1)"), index("there", "source")) == []


def test_a_name_fits_postgres_whatever_the_keys() -> None:
    long = Proposal("public", "leads", tuple(f"a_rather_long_column_{number} desc" for number in range(6)), "")
    assert len(long.name) <= 63
    assert long.name.endswith("_idx")
    assert long.plain_keys[0] == "a_rather_long_column_0"
