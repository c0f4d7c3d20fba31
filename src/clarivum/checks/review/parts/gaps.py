"""Gaps: what is waived, what soon is not, what no test names, and what the gate still waits for."""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from clarivum.checks.gate import lacking, uncovered
from clarivum.checks.review.change import Change
from clarivum.checks.review.markdown import Block, Bullets, Cell, Code
from clarivum.checks.review.part import Part
from clarivum.checks.review.side import WaivedFinding
from clarivum.checks.review.wording import cell

SOON = timedelta(days=30)


def describe(change: Change) -> Sequence[Block]:
    items = (*_waivers(change), *_crossings(change), *_untested(change))
    return [Bullets(items)] if items else []


def warn(change: Change) -> Iterator[Cell]:
    yield from _crossings(change)
    for waiver in change.head.waivers:
        if waiver.expires < change.today:
            yield cell("the waiver of ", _subject(waiver), f" expired on {waiver.expires.isoformat()}")


def _waivers(change: Change) -> Iterator[Cell]:
    before = {(each.rule, each.subject): each for each in change.base.waivers}
    after = {(each.rule, each.subject): each for each in change.head.waivers}
    for key, waiver in after.items():
        until = f"{waiver.owner} answers for it until {waiver.expires.isoformat()}"
        old = before.get(key)
        if old is None:
            yield cell("New waiver: ", _subject(waiver), f"; {until}. {waiver.reason}")
        elif old.expires != waiver.expires:
            yield cell(
                "Waiver moved from ", old.expires.isoformat(), ": ", _subject(waiver), f"; {until}. {waiver.reason}"
            )
        elif waiver.expires - change.today <= SOON:
            what = "expired" if waiver.expires < change.today else "expires soon"
            yield cell(f"Waiver {what}: ", _subject(waiver), f"; {until}.")
    for key, waiver in before.items():
        if key not in after:
            yield cell("Waiver gone: ", _subject(waiver), ".")


def _crossings(change: Change) -> Iterator[Cell]:
    for migration in change.migrations:
        reading = migration.reading
        if reading is None:
            continue
        left = uncovered(reading.migration, reading.crossings, change.addenda)
        if left:
            objects = ", ".join(f"{each.object} of {each.owner}" for each in left)
            why = lacking(reading.migration, change.addenda)
            yield cell("migration ", Code(migration.name), f" touches {objects}, and {why}: db push will refuse")
        if reading.author not in change.owners:
            yield cell("migration ", Code(migration.name), " names no author of owners.toml")


def _untested(change: Change) -> Iterator[Cell]:
    for what in change.untested:
        kind, _, name = what.partition(" ")
        yield cell(f"No file below tests/ names the new {kind} ", Code(name), ".")


def _subject(waiver: WaivedFinding) -> Code:
    return Code(f"{waiver.rule} {waiver.subject}")


PART = Part("gaps", "Gaps", describe, warn)
