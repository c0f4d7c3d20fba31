"""A job whose queue no migration makes."""

from collections.abc import Iterator
from pathlib import Path

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule
from clarivum.checks.sources import shown


def look(facts: Facts) -> Iterator[Problem]:
    for job in facts.application.jobs.values():
        if job.queue not in facts.catalog.queues:
            yield Problem(
                shown(Path(job.file), facts.root),
                job.line,
                job.name,
                f"its queue {job.queue} does not exist after all migrations",
                f"a migration with: select clarivum.create_queue('{job.queue}');",
            )


RULE = Rule(
    id="jobs/queue-missing",
    looks_for="A job of the application whose queue is not in pgmq.meta once all migrations are applied.",
    why="Enqueueing into a queue that is not there fails inside the business transaction and takes it down with it.",
    fix="a migration that calls clarivum.create_queue with the queue's name",
    look=look,
)
