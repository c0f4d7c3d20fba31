"""How databases differ, found by the Supabase CLI's own engine on scratch databases: no Docker.

`difference`: from what the migrations make to what supabase/schemas declares. `drift`: from what the applied migrations
make to what a live database is.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pglast import ast

from clarivum.database.migrations import history
from clarivum.database.migrations.files import discover, split
from clarivum.database.migrations.history import Status
from clarivum.database.migrations.push import push
from clarivum.database.reach import connect, resolved
from clarivum.database.schema.declared import apply_schema, read_schema
from clarivum.database.schema.supabase_cli import SupabaseCli
from clarivum.database.server.scratch import ScratchServer
from clarivum.errors import SCHEMA_REFUSED, RefusedError

MIGRATED, DECLARED, PROOF = "clarivum_migrated", "clarivum_declared", "clarivum_proof"
OLDER, NEWER = 16, 18
"""Bundled versions. The privilege MAINTAIN came with 17, so a live 17 is compared with 18."""

OnStep = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Drift:
    """A live database held against a folder. `difference`: SQL that would make the migrations' result into it."""

    status: Status
    difference: str

    @property
    def found(self) -> bool:
        """Whether it is anything but what the folder makes."""
        return bool(self.difference) or not self.status.in_step


def difference(supabase: Path, cli: SupabaseCli, on_step: OnStep, *, version: int = NEWER) -> str:
    """The SQL that takes the migrations of the folder `supabase` to its declared schema; '' when they agree.

    It is proven: applied as a migration to a third database, it leaves no difference. Raises RefusedError for a file
    that cannot be applied, or a difference that cannot be expressed; DependencyDownError, ConfigurationError.
    """
    migrations, files = supabase / "migrations", read_schema(supabase)
    with ScratchServer(version) as server:
        on_step("applying the migrations to a scratch database")
        migrated = server.migrated(MIGRATED, migrations)
        on_step("applying the declared schema to another")
        declared = server.copy(DECLARED, MIGRATED)
        with connect(declared) as connection:
            apply_schema(connection, files)
        on_step("comparing the two")
        found = cli.diff(migrated, declared)
        if found:
            on_step("proving the difference on a third")
            _prove(found, server, migrations, cli)
    return found


def drift(live_url: str, migrations: Path, cli: SupabaseCli, on_step: OnStep) -> Drift:
    """Hold a live database against the migrations that its history says were applied to it.

    Changes nothing in it. What is pending, edited, late or missing is told by `status`. Raises as `difference`.
    """
    discovered = discover(migrations)
    with connect(live_url, application_name="clarivum db drift") as connection:
        status = history.compare(discovered, history.read_history(connection))
        live = resolved(connection)
        version = OLDER if connection.info.server_version < 170_000 else NEWER
    applied = {row.version for row in status.applied}
    with tempfile.TemporaryDirectory(prefix="clarivum-drift-") as directory, ScratchServer(version) as server:
        for migration in discovered:
            if migration.version in applied:
                shutil.copyfile(migration.path, Path(directory) / migration.path.name)
        on_step(f"applying {len(applied)} migrations to a scratch database")
        shadow = server.migrated(MIGRATED, Path(directory))
        on_step("comparing the live database with it")
        return Drift(status, without_new_roles(cli.diff(shadow, live)))


def without_new_roles(text: str) -> str:
    """A difference without CREATE ROLE: a server may have logins that no migration knows; what they may do here counts.

    A role of ours that changed, and what a foreign one was granted, stays.
    """
    statements = list(split(text, Path("difference.sql")))
    kept = [statement for statement in statements if not isinstance(statement.node, ast.CreateRoleStmt)]
    if all(isinstance(statement.node, ast.VariableSetStmt) for statement in kept):
        return ""
    return text if len(kept) == len(statements) else "\n\n".join(f"{statement.sql};" for statement in kept)


def _prove(found: str, server: ScratchServer, migrations: Path, cli: SupabaseCli) -> None:
    """Apply the difference as the next migration; nothing must be left."""
    with tempfile.TemporaryDirectory(prefix="clarivum-proof-") as directory:
        for migration in discover(migrations):
            shutil.copyfile(migration.path, Path(directory) / migration.path.name)
        path = Path(directory) / "99999999999999_difference.sql"
        path.write_text(f"{found}\n", encoding="utf-8")
        proof = server.copy(PROOF, MIGRATED)
        try:
            push(proof, Path(directory))
        except RefusedError as error:
            raise RefusedError(
                "the difference cannot be applied as it is; write this change with `db new`:\n"
                f"    {error.detail.removeprefix(str(path)).removeprefix(':')}",
                code=SCHEMA_REFUSED,
            ) from None
    if left := cli.diff(proof, server.url(DECLARED)):
        raise RefusedError(
            f"the difference cannot be expressed as a migration; write it with `db new`. Left over:\n{left}",
            code=SCHEMA_REFUSED,
        )
