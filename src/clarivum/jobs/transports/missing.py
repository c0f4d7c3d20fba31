"""Which of the queues that the declarations need are not there."""

from collections.abc import Iterable
from typing import Any

from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries


async def missing_queues(database: Database, jobs: Iterable[Job[Any]]) -> list[str]:
    """Queues of these jobs that do not exist, sorted."""
    wanted = {job.queue for job in jobs}
    rows = await database.session(WORKER).many(queries.declared_queues, queues=sorted(wanted))
    return sorted(wanted - {row["queue_name"] for row in rows})
