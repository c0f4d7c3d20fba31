"""Reading SQL just far enough: placeholders become `$n`, words and statement ends are found. No I/O, no grammar.

Strings, quoted identifiers, comments and dollar quotes are passed through unread. The grammar itself (pglast) is asked
by the checks, not here: its import costs 70 ms, and a Lambda worker loads queries.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

TOKEN = re.compile(
    r"""
    \s* (?:
      (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<string>[eE]'(?:[^'\\]|\\.|'')*' | '(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>\$(?P<tag>[A-Za-z_][A-Za-z_0-9]*)?\$ (?s:.*?) \$(?(tag)(?P=tag))\$)
    | (?P<positional>\$\d+)
    | (?P<placeholder>%\((?P<name>[A-Za-z_][A-Za-z_0-9]*)\)s)
    | (?P<percent>%%|%)
    | (?P<end>;)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<number>\d[\w.]*)
    | (?P<other>\S)
    | (?P<nothing>\Z)
    )
    """,
    re.VERBOSE,
)
# No ranges beyond ASCII above: compiling one costs 2 ms, and a Lambda worker pays for it at every cold start.
LAST_WITHIN = {"name": "placeholder", "tag": "dollar"}
"""Groups inside another one, which `lastgroup` names where they took part."""
BLOCK_EDGE = re.compile(r"/\*|\*/")
WRITING_WORDS = frozenset({"insert", "update", "delete", "merge", "truncate", "call", "nextval", "setval"})
VERBS = frozenset({"select", "insert", "update", "delete", "merge", "values", "with", "call", "table"})
# A declared query may not change what outlives its transaction on a shared connection.
SESSION_WORDS = frozenset(
    {"pg_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock", "pg_try_advisory_lock_shared"}
)


class QueryTextError(ValueError):
    """What is wrong with the text; `offset` is where, in characters."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Token(NamedTuple):
    """One lexical unit. `kind` is a group of TOKEN; comments and space are left out."""

    kind: str
    text: str
    offset: int


@dataclass(frozen=True, slots=True)
class QueryText:
    """A query as it is sent. `sql` has `$1`… and begins at `offset`; `parameters` are the names in that order.

    `json_parameters` are those that the text casts to json or jsonb.
    """

    sql: str
    offset: int
    parameters: tuple[str, ...]
    json_parameters: frozenset[str]
    operation: str
    collection: str
    writes: bool


def compile_text(text: str) -> QueryText:
    """Replace `%(name)s` by `$n` and learn what telemetry and routing need.

    A name used twice is one parameter. `%%` is a percent sign, as in psycopg; inside strings nothing is replaced.
    Raises QueryTextError: no statement, more than one, not a query, unterminated string, placeholder inside a string,
    state that would outlive the transaction.
    """
    tokens = list(_tokens(text))
    statement, rest = _first_statement(tokens)
    if not statement:
        raise QueryTextError("there is no statement", 0)
    if rest:
        raise QueryTextError(
            "more than one statement; a query is exactly one, below a `-- name:` line of its own", rest[0].offset
        )
    if statement[0].text.lower() not in VERBS and statement[0].text != "(":
        raise QueryTextError(f"{statement[0].text!r} does not start a query", statement[0].offset)
    _refuse_session_state(statement)
    sql, parameters = _substitute(text, statement)
    words = [token.text.lower() for token in statement if token.kind == "word"]
    operation = _operation(words)
    return QueryText(
        sql=sql,
        offset=statement[0].offset,
        parameters=parameters,
        json_parameters=frozenset(_cast_to_json(statement)),
        operation=operation,
        collection=_collection(statement, operation),
        writes=not WRITING_WORDS.isdisjoint(words),
    )


def _tokens(text: str) -> Iterator[Token]:
    position, end = 0, len(text)
    while position < end:
        match = TOKEN.match(text, position)
        assert match is not None  # the last two alternatives match whatever there is
        kind = str(match.lastgroup)
        kind = LAST_WITHIN.get(kind, kind)
        position = match.start(kind)
        if kind == "block":
            position = _block_end(text, position)
            continue
        if kind == "other" and match[kind] in {"'", '"'}:
            raise QueryTextError(f"unterminated {match[kind]}", position)
        if kind in {"string", "dollar"} and re.search(r"%\(\w+\)s", match[kind]):
            raise QueryTextError("a placeholder inside a string is not replaced; use || or a parameter", position)
        if kind == "positional":
            raise QueryTextError("write %(name)s, not $n", position)
        if kind == "percent" and text.startswith("%(", position):
            raise QueryTextError("a placeholder is written %(name)s", position)
        if kind not in {"comment", "nothing"}:
            yield Token(kind, match[kind], position)
        position = match.end()


def _block_end(text: str, start: int) -> int:
    """Comments nest in SQL."""
    depth = 0
    for edge in BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise QueryTextError("unterminated /*", start)


def _first_statement(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    for index, token in enumerate(tokens):
        if token.kind == "end":
            return tokens[:index], [later for later in tokens[index:] if later.kind != "end"]
    return tokens, []


def _substitute(text: str, statement: list[Token]) -> tuple[str, tuple[str, ...]]:
    numbers: dict[str, int] = {}
    parts: list[str] = []
    position = statement[0].offset
    for token in statement:
        if token.kind in {"placeholder", "percent"}:
            parts.append(text[position : token.offset])
            position = token.offset + len(token.text)
            if token.kind == "percent":
                parts.append("%")
            else:
                parts.append(f"${numbers.setdefault(token.text[2:-2], len(numbers) + 1)}")
    parts.append(text[position : statement[-1].offset + len(statement[-1].text)])
    return "".join(parts), tuple(numbers)


def _cast_to_json(statement: list[Token]) -> Iterator[str]:
    """The names in `%(name)s::jsonb` and `cast(%(name)s as jsonb)`, json alike; not of `jsonb[]`, which is an array."""
    for index, token in enumerate(statement):
        if token.kind != "placeholder":
            continue
        after = [each.text.lower() for each in statement[index + 1 : index + 5]]
        before = [each.text.lower() for each in statement[max(index - 2, 0) : index]]
        if after[:2] == [":", ":"]:
            type_name, following = after[2:3], after[3:4]
        elif before == ["cast", "("] and after[:1] == ["as"]:
            type_name, following = after[1:2], after[2:3]
        else:
            continue
        if type_name in (["json"], ["jsonb"]) and following != ["["]:
            yield token.text[2:-2]


def _operation(words: list[str]) -> str:
    """The verb: of a WITH, the last one that writes, in a CTE too; `for update` and `do update` are none."""
    verb = words[0] if words else "select"
    if verb != "with":
        return verb.upper()
    writing = [word for word, before in zip(words, ["", *words], strict=False) if _is_verb(word, before)]
    return (writing[-1] if writing else "select").upper()


def _is_verb(word: str, before: str) -> bool:
    return word in {"insert", "delete", "merge"} or (word == "update" and before not in {"for", "do", "key", "on"})


def _collection(statement: list[Token], operation: str) -> str:
    """The first relation the statement names, for telemetry's db.collection.name; "" when there is none."""
    opener = {"INSERT": "into", "MERGE": "into", "UPDATE": "update"}.get(operation, "from")
    for index, token in enumerate(statement):
        if token.kind == "word" and token.text.lower() == opener:
            name = _qualified(statement[index + 1 : index + 4])
            after = statement[index + 2 * len(name) : index + 2 * len(name) + 1]
            is_function = opener == "from" and bool(after) and after[0].text == "("
            if name and not is_function and name[0].text.lower() not in {"only", "lateral", "select"}:
                return ".".join(part.text.strip('"') for part in name)
    return ""


def _qualified(tokens: list[Token]) -> list[Token]:
    if not tokens or tokens[0].kind not in {"word", "quoted"}:
        return []
    if len(tokens) == 3 and tokens[1].text == "." and tokens[2].kind in {"word", "quoted"}:
        return [tokens[0], tokens[2]]
    return tokens[:1]


def _refuse_session_state(statement: list[Token]) -> None:
    for index, token in enumerate(statement):
        word = token.text.lower() if token.kind == "word" else ""
        if word in SESSION_WORDS:
            raise QueryTextError(f"{token.text} outlives the transaction; use its pg_advisory_xact_ form", token.offset)
        if word == "set_config" and not _is_local(statement[index + 1 :]):
            raise QueryTextError(
                "set_config must end in `, true)`: a session setting reaches the next request", token.offset
            )


def _is_local(tokens: list[Token]) -> bool:
    """Whether a call's last argument is the literal true."""
    depth = 0
    for index, token in enumerate(tokens):
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0:
            return [before.text.lower() for before in tokens[index - 2 : index]] == [",", "true"]
    return False
