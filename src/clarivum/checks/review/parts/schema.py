"""The schema: what is new, changed and gone, table by table."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change, State
from clarivum.checks.review.markdown import Block, Cell, Code, Details, Listing, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.schema_difference import WHOLE, SchemaChange, apart, losses, schema_changes
from clarivum.checks.review.side import Side
from clarivum.checks.review.wording import MAX_CHARACTERS, cell, counted, names
from clarivum.database.planning.definitions import Definition
from clarivum.owners import owner_in

COUNTED = ("column", "constraint", "index", "policy", "trigger")


def describe(change: Change) -> Sequence[Block]:
    for side, name in ((change.head, "this change"), (change.base, "the older commit")):
        if side.unmigrated:
            where = f"Not compared: the migrations of {name} do not apply. "
            return [Paragraph(cell(where, Code(side.unmigrated)))]
    wholes, rest = apart(schema_changes(change))
    if not wholes and not rest:
        return []
    rows = [_whole(each, change) for each in wholes] + [_row(each) for each in rest]
    blocks: list[Block] = [Table(("object", "change", "definition"), tuple(rows))]
    blocks += [_opened(each, change.head) for each in wholes if each.state is State.NEW]
    blocks += [_compared(each) for each in rest if _is_long(each)]
    return blocks


def warn(change: Change) -> Iterator[Cell]:
    for loss in losses(change):
        one = loss.change.before or loss.change.one
        name = f"{one.of}.{one.name}" if one.name else one.of
        used = cell(": queries that are running rely on it: ", names(loss.queries)) if loss.queries else ""
        yield cell(f"{loss.what} ", Code(name), used)


def _whole(each: SchemaChange, change: Change) -> tuple[Cell, ...]:
    one = each.one
    side = change.head if each.state is State.NEW else change.base
    verb = "new" if each.state is State.NEW else "dropped"
    if one.kind != "table":
        text = "" if one.kind == "schema" else one.text
        return cell(Code(one.of)), f"{verb} {one.kind}", Code(text if len(text) <= MAX_CHARACTERS else "")
    parts = _properties(one.of, side)
    kinds = Counter(part.kind for part in parts)
    comment = next((part.text for part in parts if part.kind == "comment"), "")
    security = next((part.text for part in parts if part.kind == "row security"), "off")
    told = [f"owner {owner_in(comment) or 'unknown'}", f"planned for {counted(side.rows.get(one.of, 0), 'row')}"]
    told += [counted(kinds[kind], kind).replace("indexs", "indexes") for kind in COUNTED if kinds[kind]]
    return cell(Code(one.of)), f"{verb} {one.text}", "; ".join([*told, f"row security {security}"])


def _row(each: SchemaChange) -> tuple[Cell, ...]:
    one = each.one
    named = cell(Code(one.of), f" {one.kind} ", Code(one.name)) if one.name else cell(Code(one.of), f" {one.kind}")
    if _is_long(each):
        return named, str(each.state), "see below"
    if each.before is None or each.after is None:
        return named, "dropped" if each.after is None else "new", Code(one.text)
    if each.before.name != each.after.name:
        return named, "renamed", cell("was ", Code(each.before.name), ": ", Code(each.after.text))
    return named, "changed", cell(Code(each.before.text), " → ", Code(each.after.text))


def _is_long(each: SchemaChange) -> bool:
    texts = [one.text for one in (each.before, each.after) if one is not None]
    return each.state is State.CHANGED and any(len(text) > MAX_CHARACTERS or "\n" in text.strip() for text in texts)


def _opened(each: SchemaChange, side: Side) -> Details:
    """All that belongs to something new, a line each."""
    one = each.one
    lines = [f"{part.kind} {part.name}: {part.text}".replace(" :", ":") for part in _properties(one.of, side)]
    listing = Listing("sql" if one.kind in {"function", "view"} else "", one.text)
    if one.kind == "table" or lines:
        listing = Listing("", "\n".join(lines if one.kind == "table" else [one.text.rstrip(), *lines]))
    return Details(cell(f"{one.kind} ", Code(one.of)), (listing,))


def _compared(each: SchemaChange) -> Details:
    assert each.before is not None
    assert each.after is not None
    before, after = each.before.text.splitlines(), each.after.text.splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm="", n=2))[2:]
    return Details(cell(f"{each.one.kind} ", Code(each.one.name or each.one.of)), (Listing("diff", "\n".join(lines)),))


def _properties(of: str, side: Side) -> list[Definition]:
    return [each for each in side.definitions if each.of == of and each.kind not in WHOLE]


PART = Part("schema", "Database schema", describe, warn)
