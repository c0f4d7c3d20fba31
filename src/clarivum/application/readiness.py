"""What the application needs before it may have traffic: its migrations applied, its queues made."""

from collections.abc import Sequence

from clarivum.api.probes import Check
from clarivum.application.application import Application
from clarivum.database import WORKER, Database, load_queries
from clarivum.errors import DependencyDownError
from clarivum.jobs.transports.missing import missing_queues
from clarivum.settings import JobsTransport

queries = load_queries(__file__)


def readiness(
    application: Application, database: Database, transport: JobsTransport = JobsTransport.PGMQ
) -> Sequence[Check]:
    """The checks of /readyz besides the database itself. With SQS, enqueuing needs the outbox alone: a table.

    Migrations that the database has and this process does not know are fine: during a deploy the schema goes first.
    """
    wanted = frozenset(path.name.partition("_")[0] for path in application.migrations.glob("*.sql"))

    async def migrations() -> None:
        rows = await database.session(WORKER).many(queries.applied_versions)
        missing = wanted - {row["version"] for row in rows}
        if missing:
            raise DependencyDownError(f"{len(missing)} migrations are not applied, the first is {min(missing)}")

    async def queue() -> None:
        missing = await missing_queues(database, application.jobs.values())
        if missing:
            raise DependencyDownError(f"queues are missing: {', '.join(missing)}")

    found = Check("migrations", migrations), Check("queue", queue)
    return found if transport is JobsTransport.PGMQ else found[:1]
