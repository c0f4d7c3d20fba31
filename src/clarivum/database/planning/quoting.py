"""Names as SQL takes them, for statements that are put together."""

import re

from pglast.keywords import RESERVED_KEYWORDS, TYPE_FUNC_NAME_KEYWORDS

PLAIN = re.compile(r"[a-z_][a-z0-9_$]*")


def quoted(*names: str) -> str:
    """The names joined by dots, each in quotes where it needs them."""
    return ".".join(map(_quoted, names))


def _quoted(name: str) -> str:
    if PLAIN.fullmatch(name) and name not in RESERVED_KEYWORDS and name not in TYPE_FUNC_NAME_KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'
