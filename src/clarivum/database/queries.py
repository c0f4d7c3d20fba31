"""Named queries: the SQL a feature runs, in a file of its own beside the code.

    -- name: leads_by_source -> many Lead
    -- The newest leads of one source.
    select id, email from public.leads where source = %(source)s order by created_at desc limit %(limit)s;

After the arrow: `one`, `maybe`, `many` or `none` (rows affected), then for the first three an optional row class, then,
after commas, what the session must know: `slow` (a connection of its own) and `writes` (a function that writes; INSERT,
UPDATE, DELETE and MERGE are seen without it).
"""

import difflib
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal, NoReturn, cast

from clarivum.database.query_text import QueryTextError, compile_text
from clarivum.errors import DeclarationError

Kind = Literal["one", "maybe", "many", "none"]
KINDS = ("one", "maybe", "many", "none")
FLAGS = ("slow", "writes")
HEAD = re.compile(r"^--[ \t]*name[ \t]*:(?P<head>.*)$", re.MULTILINE)
DECLARATION = re.compile(
    r"\s*(?P<name>[a-z][a-z0-9_]*)\s*->\s*(?P<kind>[A-Za-z_]+)(?:\s+(?P<row>[A-Za-z_]\w*))?(?P<flags>(?:\s*,\s*\w+)*)\s*"
)


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """One declared query. Compared and hashed by identity: it is a key on the hot path.

    `sql` is what is sent (`$1`…) and begins at `sql_line`; `source` is as written (`%(name)s`); `line` is `-- name:`.
    """

    name: str
    sql: str
    kind: Kind
    row: type | None
    parameters: tuple[str, ...]
    doc: str
    file: str
    line: int
    source: str
    sql_line: int
    operation: str
    collection: str
    writes: bool
    slow: bool
    json_parameters: frozenset[str] = frozenset()
    """Those that the text casts to json or jsonb: a list for one of them is JSON, not an array."""

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line} {self.name}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """A heading that was read, and the text below it."""

    name: str
    kind: Kind
    row: type | None
    flags: frozenset[str]
    file: str
    line: int
    body: str

    def compile(self) -> Query:
        """Raises DeclarationError: the text is not exactly one query."""
        try:
            text = compile_text(self.body)
        except QueryTextError as error:
            line = self.line + self.body.count("\n", 0, error.offset)
            raise DeclarationError(f"{self.file}:{line} {self.name}: {error}") from None
        doc, source = _split_doc(self.body)
        return Query(
            name=self.name,
            sql=text.sql,
            kind=self.kind,
            row=self.row,
            parameters=text.parameters,
            doc=doc,
            file=self.file,
            line=self.line,
            source=source,
            sql_line=self.line + self.body.count("\n", 0, text.offset),
            operation=text.operation,
            collection=text.collection,
            writes=text.writes or "writes" in self.flags,
            slow="slow" in self.flags,
            json_parameters=text.json_parameters,
        )


class Queries:
    """The queries of one file, by name as attributes; iterates in the order of the file. Each is compiled when it is
    first asked for, and kept."""

    def __init__(self, file: str, declarations: Iterable[Declaration]) -> None:
        self._file = file
        self._declarations = {each.name: each for each in declarations}

    @property
    def file(self) -> str:
        return self._file

    def __getattr__(self, name: str) -> Query:
        try:
            declaration = self._declarations[name]
        except KeyError:
            nearest = difflib.get_close_matches(name, self._declarations, n=1)
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            raise AttributeError(f"{self._file} declares no query {name!r}{hint}") from None
        query = self.__dict__[name] = declaration.compile()
        return query

    def __iter__(self) -> Iterator[Query]:
        return iter([getattr(self, name) for name in self._declarations])

    def __len__(self) -> int:
        return len(self._declarations)

    def __contains__(self, name: object) -> bool:
        return name in self._declarations

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._declarations]


def load_queries(package_file: str, rows: ModuleType | None = None, *, when_used: bool = False) -> Queries:
    """The queries of `queries.sql` beside `package_file` (pass `__file__`); row classes are looked up in `rows`.

    `when_used`: read the headings now and each text when it is first asked for. For a long file that a Lambda function
    loads and uses a tenth of, and whose tests use all of it.

    Raises DeclarationError naming file and line: no such file, an unreadable heading, an unknown kind or row class, two
    queries of one name, SQL that is not exactly one query.
    """
    path = Path(package_file).with_name("queries.sql")
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DeclarationError(
            f"{path}: there is no such file; load_queries reads queries.sql beside its caller"
        ) from None
    queries = _read_headings(decode_queries(content, _shown(path)), _shown(path), rows)
    return queries if when_used else _compiled(queries)


def decode_queries(content: bytes, file: str) -> str:
    """The text of a query file; `file` is only named. Raises DeclarationError: not UTF-8, or with a byte order mark."""
    if content.startswith(BOM_UTF8):
        raise DeclarationError(f"{file}:1: begins with a byte order mark; save it as UTF-8 without one")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DeclarationError(f"{file}:{line}: not UTF-8 ({error.reason} at byte {error.start})") from None


def parse_queries(text: str, file: str, rows: ModuleType | None = None) -> Queries:
    """As `load_queries`, from text; `file` is only named."""
    return _compiled(_read_headings(text, file, rows))


def _compiled(queries: Queries) -> Queries:
    """The same, after all of them were asked for."""
    list(queries)
    return queries


def _read_headings(text: str, file: str, rows: ModuleType | None) -> Queries:
    heads = list(HEAD.finditer(text))
    before = text[: heads[0].start()] if heads else text
    for number, line in enumerate(before.splitlines(), 1):
        if line.strip() and not line.lstrip().startswith("--"):
            raise DeclarationError(f"{file}:{number}: SQL before the first `-- name:`")
    if not heads:
        raise DeclarationError(f"{file}:1: declares no query; each begins with `-- name: name_in_snake_case -> …`")
    found: dict[str, Declaration] = {}
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else len(text)]
        each = _read_heading(head["head"], body, file, text.count("\n", 0, head.start()) + 1, rows)
        where = f"{file}:{each.line} {each.name}"
        if each.name in found:
            raise DeclarationError(f"{where}: there is a query of this name at line {found[each.name].line}")
        if hasattr(Queries, each.name):
            raise DeclarationError(f"{where}: this name is taken by the collection itself")
        found[each.name] = each
    return Queries(file, found.values())


def _read_heading(head: str, body: str, file: str, line: int, rows: ModuleType | None) -> Declaration:
    match = DECLARATION.fullmatch(head)
    if match is None:
        raise DeclarationError(
            f"{file}:{line}: cannot read `-- name:{head}`;"
            " expected `-- name: name_in_snake_case -> one|maybe|many|none Row`"
        )
    name, where = match["name"], f"{file}:{line} {match['name']}"
    if match["kind"] not in KINDS:
        raise DeclarationError(f"{where}: unknown kind {match['kind']!r}; expected one of {', '.join(KINDS)}")
    flags = [flag.strip() for flag in match["flags"].split(",")[1:]]
    if unknown := [flag for flag in flags if flag not in FLAGS]:
        raise DeclarationError(f"{where}: unknown flag {unknown[0]!r}; expected {' or '.join(FLAGS)}")
    row = _row_class(match["row"], match["kind"], rows, where)
    return Declaration(name, cast(Kind, match["kind"]), row, frozenset(flags), file, line, body)


def _row_class(name: str | None, kind: str, rows: ModuleType | None, where: str) -> type | None:
    if name is None:
        return None
    if kind == "none":
        raise DeclarationError(f"{where}: `none` returns the number of rows, so it takes no row class")
    if rows is None:
        raise DeclarationError(f"{where}: row class {name} cannot be found; pass load_queries(__file__, contract)")
    found = getattr(rows, name, None)
    if not isinstance(found, type):
        raise DeclarationError(f"{where}: {rows.__name__} has no class {name}")
    return found


def _split_doc(body: str) -> tuple[str, str]:
    """The comment lines right under the heading, and the SQL below them."""
    lines = body.lstrip("\n").splitlines()
    count = next((index for index, line in enumerate(lines) if not line.startswith("--")), len(lines))
    doc = "\n".join(line.removeprefix("--").strip() for line in lines[:count])
    return doc, "\n".join(lines[count:]).strip()


def _shown(path: Path) -> str:
    """Relative to the working directory where possible: that is what an editor opens."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def refuse_parameters(query: Query, given: Mapping[str, object]) -> NoReturn:
    """Raise the TypeError for a call whose parameters are not the query's."""
    missing = [name for name in query.parameters if name not in given]
    unknown = [name for name in given if name not in query.parameters]
    parts = [
        f"{label} {', '.join(names)}"
        for label, names in (("missing", missing), ("unknown parameter", unknown))
        if names
    ]
    raise TypeError(f"{query.where}: {'; '.join(parts)}; it takes {', '.join(query.parameters) or 'no parameters'}")
