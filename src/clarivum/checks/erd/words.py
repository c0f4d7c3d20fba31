"""Names, types and texts as Mermaid's erDiagram takes them. Pure.

Its lexer (mermaid 11, erDiagram.jison) knows no escapes: what it does not take is replaced, and the table list beside
the diagram shows every table by its real name.
"""

import re
from collections.abc import Iterable

from clarivum.database.planning.assumptions import DISTINCT, NULLS, ROWS
from clarivum.owners import DECLARED

KEY = re.compile(r"(pk|fk|uk)(?![a-z0-9_])", re.IGNORECASE)
"""What the lexer takes for a key at the beginning of an attribute's name or type: letters beyond ASCII end a word."""
SHORT = {
    "character varying": "varchar",
    "character": "char",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time with time zone": "timetz",
    "time without time zone": "time",
    "bit varying": "varbit",
}
MODIFIER = re.compile(r"\s*\([^)]*\)")
QUOTES = str.maketrans({'"': "'", "~": "-", "<": "‹", ">": "›", "`": "'", "\\": "/"})
DIRECTIVE = re.compile(r"%{2,}")
"""Begins what Mermaid takes out before it parses, wherever it stands."""
SENTENCE = re.compile(r"(?<=[.;])\s")
DECLARATIONS = re.compile(
    "|".join(f"(?:{pattern})" for pattern in (DECLARED.pattern, ROWS.pattern, DISTINCT.pattern, NULLS.pattern))
)
COMMENT_CHARACTERS = 70
EMPTY = "_"


def attribute(text: str) -> str:
    """An attribute's name or type: letters, digits and _, beginning with a letter or _."""
    word = "".join(char if _is_plain(char) else "_" for char in text) or EMPTY
    return f"_{word}" if word[0].isdigit() or KEY.match(word) else word


def type_name(text: str) -> str:
    """A type as `format_type` prints it, in its short form and without length or precision."""
    bare = MODIFIER.sub("", text)
    arrays = bare.count("[]")
    bare = bare.replace("[]", "").strip()
    return attribute(SHORT.get(bare, bare).replace('"', "")) + "[]" * arrays


def entity_names(tables: Iterable[str]) -> dict[str, str]:
    """The entity of each table (`schema.table`): without `public.`, no two alike."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for table in tables:
        name = "".join(char if _is_plain(char) or char in ".-" else "_" for char in table.removeprefix("public."))
        unique, number = name or EMPTY, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        names[table] = unique
    return names


def quoted(text: str) -> str:
    """A comment or label in quotes, in one line."""
    line = " ".join(text.translate(QUOTES).split())
    return f'"{DIRECTIVE.sub("%", line)}"'


def purpose(comment: str) -> str:
    """What a comment says beside its declarations (`owner:`, `rows:`, …), in one line."""
    sentences = [part for part in SENTENCE.split(DECLARATIONS.sub("", comment)) if part.strip(" .;,")]
    return " ".join(" ".join(sentences).split()).lstrip(" .;,")


def brief(comment: str) -> str:
    """The first sentence of what a comment says, at most 70 characters."""
    said = purpose(comment)
    first = SENTENCE.split(said, maxsplit=1)[0].rstrip(".;")
    return first if len(first) <= COMMENT_CHARACTERS else f"{first[: COMMENT_CHARACTERS - 1].rstrip()}…"


def _is_plain(char: str) -> bool:
    """Whether the lexer takes it in a name: ASCII, or the letters from À to the end of the basic plane."""
    return char == "_" or (char.isalnum() and (char.isascii() or "\u00c0" <= char <= "\uffff"))
