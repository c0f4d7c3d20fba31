"""Deployment: what has to be done, in the order in which it has to be done."""

from collections.abc import Iterator, Sequence

from pglast import ast

from clarivum.checks.review.change import Change, ChangedMigration, State
from clarivum.checks.review.job_difference import JobChange, job_changes
from clarivum.checks.review.markdown import Block, Cell, Code, Steps
from clarivum.checks.review.part import Part
from clarivum.checks.review.schema_difference import losses
from clarivum.checks.review.wording import cell, names
from clarivum.checks.statements import statements_within
from clarivum.checks.statements.naming import of_relation

WRITES = (ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt, ast.MergeStmt)


def describe(change: Change) -> Sequence[Block]:
    steps = [*_variables(change), *_migrations(change), *_processes(change), *_queues(change)]
    return [Steps(tuple(steps))] if steps else []


def _variables(change: Change) -> Iterator[Cell]:
    new = sorted(set(change.head.variables) - set(change.base.variables))
    gone = sorted(set(change.base.variables) - set(change.head.variables))
    if new:
        yield cell(
            "Settings that are new: ", names(new, 20), ". Set them before the processes start, where they are needed."
        )
    if gone:
        yield cell("Settings that nothing reads any more: ", names(gone, 20), ".")


def _migrations(change: Change) -> Iterator[Cell]:
    new = [each for each in change.migrations if each.state is State.NEW]
    if not new:
        return
    relying = list(dict.fromkeys(query for loss in losses(change) for query in loss.queries))
    if relying:
        yield cell(
            "What the schema takes away from running processes (",
            names(relying),
            ") belongs in a migration of its own, pushed when no process of the older version is left.",
        )
    yield cell(
        "Push the migrations, in this order: ", names([each.name for each in new], 50), ". ", Code("./clarivum db push")
    )
    for each in new:
        yield from _notes(each)


def _notes(migration: ChangedMigration) -> Iterator[Cell]:
    reading = migration.reading
    if reading is None:
        return
    if not reading.migration.transactional:
        yield cell(Code(migration.name), " runs outside a transaction; a run after a crash finishes it.")
    stood = {each.object for each in reading.touched}
    written = [
        of_relation(node.relation)
        for each in reading.migration.body
        for node in statements_within(each.node)
        if isinstance(node, WRITES) and of_relation(node.relation) in stood
    ]
    if written:
        where = names(list(dict.fromkeys(written)))
        yield cell(
            Code(migration.name), " fills in rows of ", where, " in its transaction: fill large tables in batches."
        )


def _processes(change: Change) -> Iterator[Cell]:
    changes = job_changes(change)
    workers_first = [each.one.name for each in changes if each.state is State.NEW or each.fails_old_workers]
    api_first = [each.one.name for each in changes if each.state is State.REMOVED or each.fails_waiting_messages]
    if workers_first:
        yield cell("Start the new workers before the new API: an older worker cannot do ", names(workers_first), ".")
    if api_first:
        yield cell(
            "Stop the older API from enqueuing ",
            names(api_first),
            " and let the queue run empty, then replace the workers.",
        )
    old, new = ({(each.title, each.access) for each in side.routes} for side in (change.base, change.head))
    paths = [path for _, path in change.comparison.files if not path.startswith("tests/")]
    sources = any(path.endswith((".py", "/queries.sql")) for path in paths)
    if not (workers_first or api_first) and (old != new or sources):
        yield "Replace API and worker processes in any order."


def _queues(change: Change) -> Iterator[Cell]:
    for each in job_changes(change):
        yield from _queue(each)


def _queue(each: JobChange) -> Iterator[Cell]:
    before = each.before.settings.get("schedule", "") if each.before else ""
    after = each.after.settings.get("schedule", "") if each.after else ""
    if each.state is State.NEW:
        yield cell("Queue ", Code(each.one.queue), " is new: see that it is there, and that its alarms are.")
    elif each.state is State.REMOVED:
        yield cell("Queue ", Code(each.one.queue), " has no handler any more: when it is empty, remove it.")
    elif each.before is not None and each.before.queue != each.one.queue:
        yield cell(
            "Messages in ", Code(each.before.queue), " stay there: let it run empty before the old workers stop."
        )
    if before != after:
        told = cell(" is from now on ", Code(after)) if after else cell(" is gone")
        yield cell("The schedule of ", Code(each.one.name), told, ".")


PART = Part("deployment", "Deployment", describe)
