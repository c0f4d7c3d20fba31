"""Values that a column might take, the likeliest first. Pure: read off its type, its name and its checks."""

import re

from clarivum.database.trial.relation import ColumnShape, Relation
from clarivum.database.trial.stage import Owner

TEXT_LITERAL = re.compile(r"'((?:[^']|'')*)'")
NUMBER = re.compile(r"(?<![\w.])\d{1,5}(?![\w.])")
MAX_LENGTH = 10_000
OWNER_NAMES = re.compile(r"subject|sub|user_?id|user_?sub|owner(_id)?|member(_id)?|account_?id|auth0_?id|created_by")
EMAIL_NAMES = re.compile(r"(.*_)?e?_?mail(_address)?")
FORMATS = (
    "sample",
    "en",
    "EUR",
    "en-GB",
    "https://example.org/",
    "+48221234567",
    "2026-11-26",
    "12:00",
    "a1",
    "A1",
    "Aa",
    "1",
    "1.0",
    "3f1c9a52-7d7e-4b0a-9c55-0d7c2f6f1a10",
)
BY_KIND = {
    "bool": ("false", "true"),
    "uuid": (),
    "json": ("{}", "[]", '""', "1"),
    "jsonb": ("{}", "[]", '""', "1"),
    "date": ("2026-11-26", "2027-11-26", "2020-01-01"),
    "timestamp": ("2026-11-26 12:00", "2099-11-26 12:00", "2020-01-01 12:00"),
    "timestamptz": ("2026-11-26 12:00Z", "2099-11-26 12:00Z", "2020-01-01 12:00Z"),
    "time": ("12:00", "23:59"),
    "timetz": ("12:00Z", "23:59Z"),
    "interval": ("1 hour", "0", "30 days"),
    "inet": ("192.0.2.1", "2001:db8::1"),
    "cidr": ("192.0.2.0/24",),
    "macaddr": ("08:00:2b:01:02:03",),
    "money": ("1", "0"),
    "xml": ("<a/>",),
    "tsvector": ("sample",),
    "point": ("(1,1)",),
    "name": ("sample",),
    "oid": ("1",),
}


def is_owner_column(relation: Relation, column: ColumnShape) -> bool:
    """Whether a column says whose a row is: named so, or compared by a policy and free text."""
    if column.category != "S" or EMAIL_NAMES.fullmatch(column.name):
        return False
    if OWNER_NAMES.fullmatch(column.name):
        return True
    is_free = not any(TEXT_LITERAL.search(check) for check in relation.definitions(column))
    compared = rf"\b{re.escape(column.name)}\b\s*=\s*'|'\w+'(?:::\w+)?\s*=\s*\b{re.escape(column.name)}\b"
    with_literal = any(re.search(compared, policy.expressions) for policy in relation.policies)
    return is_free and not with_literal and relation.is_policed(column.name)


def is_email_column(column: ColumnShape) -> bool:
    return column.category == "S" and EMAIL_NAMES.fullmatch(column.name) is not None


def tells_owner(relation: Relation, name: str) -> bool:
    """Whether a column makes a row somebody's: by subject, by address, or by what it refers to."""
    column = relation.column(name)
    if column is None:
        return False
    refers = any(each.kind == "f" and name in each.columns for each in relation.constraints)
    return refers or is_owner_column(relation, column) or is_email_column(column)


def candidates(relation: Relation, column: ColumnShape, owner: Owner, number: int) -> list[str]:
    """Values as Postgres reads them, for the row of `owner`, who is the `number`th; none for a type we do not know."""
    checks = " ".join(relation.definitions(column))
    distinct = relation.is_unique(column.name)
    if column.category == "E" or column.labels:
        found = list(column.labels)
    elif column.kind == "bytea":
        lengths = _numbers(checks) or [1, 16]
        found = [f"\\x{number:02x}{'00' * (length - 1)}" for length in lengths if length > 0]
    elif column.category == "S" and column.kind not in BY_KIND:
        found = _texts(relation, column, owner, checks, number, distinct=distinct)
    elif column.category == "N" and column.kind not in BY_KIND:
        found = _figures(checks, number, distinct=distinct)
    elif column.kind in {"bit", "varbit"}:
        found = ["1" * (_length(column) or 1)]
    elif column.category == "A":
        found = ["{}"]
    elif column.category == "R":
        found = ["(,)", "empty"]
    elif column.kind == "uuid":
        found = [f"00000000-0000-4000-8000-{number:012x}"]
    else:
        found = list(BY_KIND.get(column.kind, ()))
    return list(dict.fromkeys(text for text in found if _fits(column, text)))


def _fits(column: ColumnShape, text: str) -> bool:
    """Whether a text is as short as the type wants: `character varying(3)`. A bit string is as long, whatever else."""
    length = _length(column)
    return column.category != "S" or length is None or len(text) <= length


def _length(column: ColumnShape) -> int | None:
    """The length in a type's name, None when there is none."""
    found = re.search(r"\((\d+)\)", column.type)
    return int(found[1]) if found else None


def _texts(
    relation: Relation, column: ColumnShape, owner: Owner, checks: str, number: int, *, distinct: bool
) -> list[str]:
    named = [text.replace("''", "'") for text in TEXT_LITERAL.findall(checks)]
    plain = [text for text in named if not text.startswith("^") and "\\" not in text]
    if is_owner_column(relation, column):
        first = [owner.subject]
    elif is_email_column(column):
        first = [owner.email]
    else:
        first = plain
    general = [f"sample{number}", *FORMATS] if distinct else list(FORMATS)
    sized = [f"{number}".ljust(length, "x") for length in _numbers(checks) if length > 0]
    sized += ["0" * length for length in _numbers(checks) if length > 0]
    return [*first, *general, *sized, *plain, owner.subject, owner.email]


def _figures(checks: str, number: int, *, distinct: bool) -> list[str]:
    near = [str(value + step) for value in _numbers(checks) for step in (0, 1, -1)]
    # A sample's own number is far from what a sequence gives, so that neither meets the other.
    own = [str(20_000 + number)] if distinct else []
    return [*own, "1", *near, "0", "-1"]


def _numbers(checks: str) -> list[int]:
    return [int(text) for text in NUMBER.findall(checks) if int(text) <= MAX_LENGTH]


def variants(relation: Relation, baseline: dict[str, str | None]) -> list[tuple[str, str, str]]:
    """States of a row that a policy may ask about: what to call each, the column, and its value.

    `baseline` is the sample row as text. Only columns that a policy names: flags, lists of words, moments that may be
    absent, and words that a policy compares with.
    """
    found: list[tuple[str, str, str]] = []
    for column in relation.columns:
        if column.fixed or not relation.is_policed(column.name):
            continue
        now = baseline.get(column.name)
        if column.kind == "bool":
            value = "false" if now in {"t", "true"} else "true"
            found.append((f"{column.name} is {value}", column.name, value))
        elif column.kind in {"date", "timestamp", "timestamptz"} and now is None:
            found.append((f"{column.name} is set", column.name, "2020-01-01"))
        else:
            values = [*column.labels, *_words(relation, column)]
            found += [(f"{column.name} is {value}", column.name, value) for value in values if value != now]
    return list(dict.fromkeys(found))


def _words(relation: Relation, column: ColumnShape) -> list[str]:
    """The words of a check such as `status in (…)`, and those that a policy compares the column with."""
    if column.category != "S":
        return []
    name = re.escape(column.name)
    listed: list[str] = []
    for definition in relation.definitions(column):
        if re.search(rf"\b{name}\b\)?(?:::text)?\s*=\s*(?:ANY|')", definition):
            listed += TEXT_LITERAL.findall(definition)
    for policy in relation.policies:
        listed += re.findall(rf"\b{name}\b\)?(?:::\w+)?\s*=\s*'((?:[^']|'')*)'", policy.expressions)
    return list(dict.fromkeys(word.replace("''", "'") for word in listed))
