"""What `db push` and `up` ask of pending migrations before the first of them reaches a database that others use."""

from datetime import UTC, datetime
from pathlib import Path

from clarivum.checks.gate import refuse_ungated
from clarivum.checks.lint.refusal import refuse_unsafe
from clarivum.database.migrations.push import push


def refuse_pending(url: str, folder: Path, root: Path) -> None:
    """Raise RefusedError (exit 4) when a pending migration of `folder` may not be applied to the database at `url`.

    That is: what cannot be read, crosses teams without an addendum, opens or destroys something, or what squawk minds.
    Addenda and waivers are `root`'s. Raises DependencyDownError when the database does not answer.
    """
    pending = push(url, folder, dry_run=True)
    refuse_ungated(pending, root)
    refuse_unsafe(pending, root, datetime.now(UTC).date())
