"""Migrations: what each statement locks of what stood before, and who waits for how long meanwhile."""

from collections.abc import Iterator, Sequence

from clarivum.checks.gate import Reading
from clarivum.checks.gate.crossing import Locking
from clarivum.checks.review.change import Change, ChangedMigration, State
from clarivum.checks.review.markdown import Block, Bullets, Cell, Code, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.wording import cell, counted, names, statement
from clarivum.checks.statements import Duration, Lock, Mode

ROWS_PER_S = {Duration.SCAN: 1_000_000, Duration.REWRITE: 200_000}
"""Of the order that one core does: an index is built, or a table written anew."""


def describe(change: Change) -> Sequence[Block]:
    blocks: list[Block] = []
    if change.migrations_refused:
        blocks.append(Paragraph(cell("The migrations cannot be read: ", Code(change.migrations_refused))))
    for migration in change.migrations:
        blocks += _migration(migration, change)
    return blocks


def warn(change: Change) -> Iterator[Cell]:
    if change.migrations_refused:
        yield cell("the migrations cannot be read: ", Code(change.migrations_refused))
    for migration in change.migrations:
        refused = "where it was applied, db push will refuse"
        if migration.state is State.REMOVED:
            yield cell("migration ", Code(migration.name), f" is gone: {refused}")
        elif migration.state is State.CHANGED:
            yield cell("migration ", Code(migration.name), f" was edited: {refused}")
        elif migration.late:
            yield cell("migration ", Code(migration.name), " is older than the newest before it: db push will refuse")
        for table, lock, longest in _held(migration.reading):
            if lock.mode >= Mode.SHARE and longest.duration > Duration.INSTANT:
                does = f" {_long(longest, change)}"
                yield cell(f"{lock.mode.stops} of ", Code(table), " wait while ", Code(migration.name), does)


def _migration(migration: ChangedMigration, change: Change) -> list[Block]:
    reading = migration.reading
    if reading is None:
        gone = migration.state is State.REMOVED
        return [Paragraph(cell(Code(migration.name), " is gone." if gone else " cannot be read."))]
    how = "one transaction" if reading.migration.transactional else "outside a transaction"
    by = f", by {reading.author}" if reading.author else ", which names no author"
    edited = " (edited)" if migration.state is State.CHANGED else ""
    head = cell(Code(migration.name), f"{edited}{by}: {counted(len(reading.lockings), 'statement')}, {how}.")
    rows = [_row(step, lock) for step in reading.lockings for lock in step.locks]
    unread = [_unread(step) for step in reading.lockings if step.unread]
    if not rows:
        none = " What can be read of it locks nothing" if unread else " It locks nothing"
        return [Paragraph(cell(*head, f"{none} that stood before it.", *unread))]
    columns = ("line", "statement", "locks", "mode", "stops", "for")
    return [Paragraph(cell(*head, *unread)), Table(columns, tuple(rows)), Bullets(tuple(_estimates(reading, change)))]


def _unread(step: Locking) -> str:
    return f" What the block in line {step.statement.line} puts together as it runs is not seen."


def _row(step: Locking, lock: Lock) -> tuple[Cell, ...]:
    done = Code(statement(step.statement.node))
    lasts = f"{lock.duration}; gentler: {lock.advice}" if lock.advice else str(lock.duration)
    return str(step.statement.line), done, Code(lock.table), str(lock.mode), lock.mode.stops, lasts


def _estimates(reading: Reading, change: Change) -> Iterator[Cell]:
    """Who waits, table by table."""
    for table, lock, longest in _held(reading):
        using = [query.name for query in change.base.queries if table in query.tables]
        told = f": {lock.mode.stops} wait; the migration {_long(longest, change)}. "
        waiting = (
            cell(f"{counted(len(using), 'query')} use it: ", names(using), ".")
            if using
            else "No query of the application uses it."
        )
        yield cell(Code(table), told, waiting)


def _held(reading: Reading | None) -> Iterator[tuple[str, Lock, Lock]]:
    """Each table that somebody waits for, with its strongest lock, and what takes longest while any is held."""
    if reading is None:
        return
    steps = reading.lockings
    found: dict[str, tuple[Lock, Lock]] = {}
    for number, step in enumerate(steps):
        until = steps[number:] if reading.migration.transactional else steps[number : number + 1]
        for lock in step.locks:
            strongest, longest = found.get(lock.table, (lock, lock))
            later = (each for later in until for each in later.locks)
            found[lock.table] = (
                max(strongest, lock, key=lambda each: each.mode),
                max(longest, lock, *later, key=lambda each: each.duration),
            )
    for table, (strongest, longest) in found.items():
        if strongest.mode >= Mode.SHARE_UPDATE_EXCLUSIVE:
            yield table, strongest, longest


def _long(lock: Lock, change: Change) -> str:
    """What a step does to the table it locks, and in the order of how long that takes for the rows declared."""
    rows = change.base.rows.get(lock.table, 0)
    if lock.duration is Duration.INSTANT:
        return "changes only the catalogue, which is instant"
    if lock.duration is Duration.ROWS:
        return f"reads or writes rows of {lock.table}"
    what = f"reads all of {lock.table}" if lock.duration is Duration.SCAN else f"writes all of {lock.table} anew"
    seconds = max(1, round(rows / ROWS_PER_S[lock.duration]))
    return f"{what}, for {rows:,} rows in the order of {_time(seconds)}" if rows else what


def _time(seconds: int) -> str:
    if seconds < 90:
        return counted(seconds, "second")
    return counted(round(seconds / 60), "minute") if seconds < 5_400 else counted(round(seconds / 3_600), "hour")


PART = Part("locks", "Migrations and their locks", describe, warn)
