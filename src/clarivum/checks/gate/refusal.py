"""The gate before a push: refuses migrations that change another team's tables without an addendum."""

from collections.abc import Sequence
from pathlib import Path

from clarivum.checks.gate.addenda import Addendum, lacking, read_addenda, uncovered
from clarivum.checks.gate.crossing import Crossing, Reading, follow
from clarivum.checks.sources import shown
from clarivum.database.migrations.files import Migration, discover
from clarivum.errors import MIGRATION_CROSSES_TEAMS, RefusedError


def refuse_ungated(migrations: Sequence[Migration], root: Path) -> None:
    """Raise RefusedError (`migration_crosses_teams`, exit 4) for the first of `migrations` that is not covered.

    `migrations` are those about to be applied; the ones before them are read from the same folder. `root` is the
    application's: addenda lie in its docs/adr. A migration without an author is taken to be nobody's, so it may make
    tables and touch no one's.
    """
    wanted = {migration.path for migration in migrations}
    if not wanted:
        return
    addenda = read_addenda(root)
    for reading in follow(discover(next(iter(wanted)).parent)):
        if reading.migration.path in wanted:
            left = uncovered(reading.migration, reading.crossings, addenda)
            if left:
                raise RefusedError(message(reading, left, addenda, root), code=MIGRATION_CROSSES_TEAMS)


def message(reading: Reading, left: Sequence[Crossing], addenda: Sequence[Addendum], root: Path) -> str:
    """`supabase/migrations/…sql:4: touches public.profiles of membership (alter table); …`."""
    migration = reading.migration
    by = f"its author is {reading.author}" if reading.author else "it declares no author (-- author: <team>)"
    what = ", ".join(f"{each.object} of {each.owner} ({', '.join(each.acts)})" for each in left)
    place = f"{shown(migration.path, root.resolve())}:{left[0].line}"
    return f"{place}: touches {what}; {by}, and {lacking(migration, addenda)}"
