"""Making the queues that the declarations need, as the login that owns the schema."""

from collections.abc import Iterable
from typing import Any

from clarivum.database.reach import connect
from clarivum.jobs.declaration import Job, by_name


def ensure_queues(admin_url: str, jobs: Iterable[Job[Any]]) -> list[str]:
    """Create what is missing, with the login that owns the schema; returns what was created. Safe to run again.

    Raises DependencyDownError when the server does not answer.
    """
    wanted = [job.queue for job in by_name(jobs).values()]
    with connect(admin_url) as connection:
        known = {row[0] for row in connection.execute("select queue_name from pgmq.meta").fetchall()}
        created = [queue for queue in wanted if queue not in known]
        for queue in created:
            connection.execute("select clarivum.create_queue(%s)", [queue])
    return created
