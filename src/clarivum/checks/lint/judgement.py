"""What stands against a set of migrations, read from their statements alone: what they leave open, what they destroy.

Pure. Openness is judged when the whole set has run: what one file makes and a later one of the set secures is fine.
Where a rule asks the same of the resulting catalog in `check`, the findings have its id and subject, so that one waiver
answers both.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from clarivum.checks.lint.destruction import Stock
from clarivum.checks.lint.openness import Openness, Place, Table
from clarivum.database.foreign_schemas import FOREIGN_SCHEMAS
from clarivum.database.migrations.files import Migration

TABLE_WITHOUT_RLS = "database/table-without-rls"
TABLE_WITHOUT_FORCE = "database/table-without-force"
TABLE_WITHOUT_POLICY = "database/table-without-policy"
VIEW_WITHOUT_INVOKER = "database/view-without-invoker"
DEFINER_WITHOUT_PATH = "database/definer-without-search-path"
MATERIALIZED_EXPOSED = "database/materialized-view-exposed"
DESTRUCTIVE = "database/destructive-migration"


@dataclass(frozen=True, slots=True)
class Defect:
    """One thing against a migration, at one of its statements. `subject` is what a waiver names."""

    rule: str
    place: Place
    subject: str
    message: str
    fix: str


def judge_set(migrations: Sequence[Migration], wanted: Collection[str] | None = None) -> tuple[Defect, ...]:
    """The defects of the migrations whose versions are `wanted` (all when None), in the order of their places.

    `migrations` are all of the folder, oldest first: what the earlier ones left is where the wanted ones begin.
    """
    openness, stock = Openness(), Stock()
    found: list[Defect] = []
    for migration in migrations:
        stock.fresh = set()
        for statement in migration.body:
            place = Place(migration, statement)
            openness.follow(place)
            found += [
                Defect(
                    DESTRUCTIVE,
                    place,
                    f"{migration} {loss.act}",
                    f"{loss.act} loses {loss.lost}",
                    f"{loss.advice}; or say in waivers.toml that the loss is meant",
                )
                for loss in stock.losses(statement.node)
            ]
    found += [defect for defect in _open(openness) if defect.subject.partition(".")[0] not in FOREIGN_SCHEMAS]
    chosen = (each for each in found if wanted is None or each.place.migration.version in wanted)
    return tuple(sorted(chosen, key=lambda each: (each.place.migration.version, each.place.statement.line, each.rule)))


def _open(openness: Openness) -> Iterator[Defect]:
    for name, table in openness.tables.items():
        yield from _open_table(name, table)
    for name, view in openness.views.items():
        if not view.safe:
            message = "the view reads with its owner's rights: no policy of the tables below it applies to the caller"
            fix = f"alter view {name} set (security_invoker = true);"
            yield Defect(VIEW_WITHOUT_INVOKER, view.place, name, message, fix)
    for name, function in openness.functions.items():
        if not function.safe:
            message = "runs with its owner's rights and looks names up in the caller's search_path"
            fix = f"alter function {name} set search_path = ''; and qualify every name in its body, or SECURITY INVOKER"
            yield Defect(DEFINER_WITHOUT_PATH, function.place, name, message, fix)
    for name, found in openness.materialized.items():
        if found.readers:
            readers = ", ".join(sorted(found.readers))
            message = f"{readers} may read every row of it: a materialized view has no policies"
            fix = f"revoke all on {name} from {readers}; serve it through a function that checks the caller"
            yield Defect(MATERIALIZED_EXPOSED, found.place, name, message, fix)


def _open_table(name: str, table: Table) -> Iterator[Defect]:
    if not table.secured:
        fix = f"alter table {name} enable row level security;"
        yield Defect(TABLE_WITHOUT_RLS, table.decided["secured"], name, "row-level security is not enabled", fix)
    if not table.forced:
        fix = f"alter table {name} force row level security;"
        message = "row-level security is not forced: the owner, and functions that run as it, see every row"
        yield Defect(TABLE_WITHOUT_FORCE, table.decided["forced"], name, message, fix)
    if not table.policies and not table.partition:
        fix = f"create policy … on {name} for select to authenticated using (…);"
        yield Defect(TABLE_WITHOUT_POLICY, table.decided["policies"], name, "it has no policy", fix)
