"""What `db push`, `db reset` and `up` ask of migrations before the first of them reaches a database."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from clarivum.checks.gate import refuse_ungated
from clarivum.checks.lint.introduced import introduced
from clarivum.checks.lint.refusal import Objection, refuse_unsafe
from clarivum.cli.progress import Progress
from clarivum.database.migrations.files import Migration, discover, judge
from clarivum.database.migrations.push import push, status


def refuse_pending(url: str, folder: Path, root: Path) -> None:
    """Raise RefusedError (exit 4) when a pending migration of `folder` may not be applied to the database at `url`.

    That is: what cannot be read, crosses teams without an addendum, opens or destroys something, what squawk minds, or
    what a rule on the schema says of the result. Addenda and waivers are `root`'s. Raises DependencyDownError when the
    database does not answer.
    """
    _refuse(push(url, folder, dry_run=True), folder, root)


def refuse_unapplied(url: str, folder: Path, root: Path) -> None:
    """As `refuse_pending`, for a database that is emptied first: of files it has not had, edited and late ones too."""
    found = status(url, folder)
    new = {migration.version for migration in (*found.pending, *found.edited, *found.late)}
    unapplied = [migration for migration in discover(folder) if migration.version in new]
    for migration in unapplied:
        judge(migration)
    _refuse(unapplied, folder, root)


def _refuse(migrations: Sequence[Migration], folder: Path, root: Path) -> None:
    today = datetime.now(UTC).date()

    def in_the_schema() -> tuple[Objection, ...]:
        with Progress() as progress:
            look = introduced(discover(folder), migrations, root, today=today, environ=os.environ, tell=progress)
        for missed in look.missed:
            print(f"  ! {missed}", file=sys.stderr, flush=True)
        return look.objections

    refuse_ungated(migrations, root)
    refuse_unsafe(migrations, root, today, in_the_schema)
