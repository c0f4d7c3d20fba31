"""The last look before a push: refuses pending migrations that open or destroy something, or that squawk minds."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from clarivum.checks.lint import squawk
from clarivum.checks.lint.judgement import DESTRUCTIVE, Defect, judge_set
from clarivum.checks.sources import shown
from clarivum.checks.waivers import FILE, Waiver, parse_waivers
from clarivum.database.migrations.files import Migration, Statement, discover
from clarivum.errors import MIGRATION_UNSAFE, RefusedError


@dataclass(frozen=True, slots=True)
class Objection:
    """One reason not to apply a migration, as it is told."""

    rule: str
    subject: str
    migration: Migration
    line: int
    excerpt: str
    message: str
    fix: str


def refuse_unsafe(
    pending: Sequence[Migration], root: Path, today: date, more: Callable[[], Iterable[Objection]] = tuple
) -> None:
    """Raise RefusedError (`migration_unsafe`, exit 4) with everything that stands against the pending migrations.

    They are judged as a set, against what the files before them in the folder made. `more` finds what their text does
    not tell; what both say of one subject is told once. What `root`'s waivers.toml waives passes. Raises
    ConfigurationError when waivers.toml cannot be read or squawk is not installed.
    """
    if not pending:
        return
    waivers = _waivers(root)
    found = list(objections(pending, discover(pending[0].path.parent)))
    told = {(each.rule, each.subject) for each in found}
    found += [each for each in more() if (each.rule, each.subject) not in told]
    left = [each for each in found if not any(waiver.covers(each.rule, each.subject, today) for waiver in waivers)]
    left.sort(key=lambda each: (each.migration.version, each.line))
    if left:
        raise RefusedError(message(left, root.resolve()), code=MIGRATION_UNSAFE)


def objections(pending: Sequence[Migration], migrations: Sequence[Migration]) -> Iterator[Objection]:
    """What stands against the pending ones among a folder's migrations."""
    for defect in judge_set(migrations, {migration.version for migration in pending}):
        yield _of_defect(defect)
    for found in squawk.run_squawk(pending, among=migrations):
        message = f"squawk {found.rule}: {found.message}"
        excerpt = _statement_at(found.migration, found.line).excerpt
        yield Objection(squawk.RULE, found.subject, found.migration, found.line, excerpt, message, found.help)


def message(left: Sequence[Objection], root: Path) -> str:
    """A paragraph for each: place and what is wrong, the statement, how to mend it, what a waiver would name."""
    return "\n".join(
        f"{shown(each.migration.path, root)}:{each.line}: {each.message}\n"
        f"    {each.excerpt}\n"
        f"    fix     {each.fix}\n"
        f'    waive   rule = "{each.rule}", subject = "{each.subject}"'
        for each in left
    )


def _of_defect(defect: Defect) -> Objection:
    migration, statement = defect.place.migration, defect.place.statement
    told = defect.message if defect.rule == DESTRUCTIVE else f"{defect.subject}: {defect.message}"
    return Objection(defect.rule, defect.subject, migration, statement.line, statement.excerpt, told, defect.fix)


def _statement_at(migration: Migration, line: int) -> Statement:
    """The statement that a line belongs to."""
    return next((each for each in reversed(migration.statements) if each.first_line <= line), migration.statements[0])


def _waivers(root: Path) -> tuple[Waiver, ...]:
    path = root / FILE
    return parse_waivers(path.read_text(encoding="utf-8")) if path.is_file() else ()
