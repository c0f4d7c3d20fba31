"""What the table list says of an index that no declared query reads through."""

from clarivum.checks.erd.listing import listing
from clarivum.database.planning import Catalog, Index, Table
from clarivum.database.planning.catalog import ForeignKey


def index(name: str, *keys: str, predicate: str = "") -> Index:
    return Index(name, keys, ("",) * len(keys), (), predicate, unique=False, method="btree", oid=1)


def test_an_index_behind_a_foreign_key_is_told_as_that_whatever_its_columns_are_called() -> None:
    table = Table(
        "public", "notes", 1, "r", "", True, True, (), (), (), (),
        (
            index("by_lead", '"leadId"'),
            index("by_both", "number", "tenant", "at"),
            index("by_part", '"leadId"', predicate="(deleted_at IS NULL)"),
            index("by_at", "at"),
        ),
        (
            ForeignKey("notes_lead_fkey", ("leadId",), "public.leads"),
            ForeignKey("notes_account_fkey", ("tenant", "number"), "public.accounts"),
        ),
    )  # fmt: skip
    told = listing(Catalog((table,), frozenset()), {}, {})
    used = {line.split("|")[1].strip(): line.split("|")[3].strip() for line in told.splitlines() if "| `by_" in line}
    assert used == {
        "`by_lead`": "foreign key `notes_lead_fkey`",
        "`by_both`": "foreign key `notes_account_fkey`",
        "`by_part`": "no declared query",
        "`by_at`": "no declared query",
    }
