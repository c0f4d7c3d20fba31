"""Migration files: `supabase/migrations/<YYYYMMDDHHMMSS>_name.sql`, read, split and judged before anything runs.

The layout is the Supabase CLI's (pkg/migration/file.go); what it would skip or run half is refused here, with file and
line. Splitting and parsing use Postgres' own grammar.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pglast import ast, parse_sql
from pglast.enums import ReindexObjectType as Reindex
from pglast.enums import TransactionStmtKind as Transaction
from pglast.parser import ParseError

from clarivum.errors import MIGRATION_REFUSED, RefusedError

EXCERPT_CHARACTERS = 120
WHITE = {" ", "\t", "\r", "\n", "\f", ";"}
FILE_NAME = re.compile(r"(?P<version>[0-9]{14})_(?P<name>[A-Za-z0-9][A-Za-z0-9_.-]*)\.sql")
BEGINNINGS = frozenset({Transaction.TRANS_STMT_BEGIN, Transaction.TRANS_STMT_START})
WITHIN = frozenset(
    {Transaction.TRANS_STMT_SAVEPOINT, Transaction.TRANS_STMT_RELEASE, Transaction.TRANS_STMT_ROLLBACK_TO}
)
WHOLE_REINDEX = frozenset(
    {Reindex.REINDEX_OBJECT_SCHEMA, Reindex.REINDEX_OBJECT_SYSTEM, Reindex.REINDEX_OBJECT_DATABASE}
)
WHOLE_CLUSTER = (
    ast.AlterSystemStmt,
    ast.CreatedbStmt,
    ast.DropdbStmt,
    ast.CreateTableSpaceStmt,
    ast.DropTableSpaceStmt,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the file has it, comments before it included, without its semicolon.

    Lines are those of the file, from 1: `first_line` of `sql`, `line` of the first word that is not a comment.
    """

    sql: str
    first_line: int
    line: int
    node: ast.Node

    @property
    def excerpt(self) -> str:
        """Its first line that is not a comment, at most 120 characters."""
        return self.sql.splitlines()[self.line - self.first_line].strip()[:EXCERPT_CHARACTERS]

    @property
    def needs_no_transaction(self) -> bool:
        """Whether Postgres refuses it inside a transaction block."""
        match self.node:
            case ast.IndexStmt(concurrent=True) | ast.DropStmt(concurrent=True) | ast.VacuumStmt(is_vacuumcmd=True):
                return True
            case ast.ReindexStmt(kind=kind, params=params):
                return kind in WHOLE_REINDEX or any(item.defname == "concurrently" for item in params or ())
            case ast.ClusterStmt(relation=None) | ast.CreateSubscriptionStmt() | ast.DropSubscriptionStmt():
                return True
            case ast.AlterTableStmt(cmds=commands):
                return any(getattr(command.def_, "concurrent", False) for command in commands or ())
            case _:
                return False


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration file that can run. `wrapped`: the file brings its own BEGIN and COMMIT around everything."""

    version: str
    name: str
    path: Path
    statements: tuple[Statement, ...]
    wrapped: bool = False

    @property
    def transactional(self) -> bool:
        return not any(statement.needs_no_transaction for statement in self.statements)

    @property
    def texts(self) -> list[str]:
        """What the history table stores."""
        return [statement.sql for statement in self.statements]

    @property
    def body(self) -> tuple[Statement, ...]:
        """The statements to run; our own transaction stands for the file's."""
        return self.statements[1:-1] if self.wrapped else self.statements

    def __str__(self) -> str:
        return f"{self.version}_{self.name}"


def discover(folder: Path) -> list[Migration]:
    """Every migration of the folder, oldest first. Raises RefusedError on the first file that cannot be one."""
    if not folder.is_dir():
        raise RefusedError(f"{folder}: there is no such folder of migrations", code=MIGRATION_REFUSED)
    migrations: dict[str, Migration] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() != ".sql" or path.name.startswith("."):
            continue
        migration = read_migration(path)
        if other := migrations.get(migration.version):
            raise refusal(path, 1, f"version {migration.version} is also the version of {other.path.name}")
        migrations[migration.version] = migration
    return list(migrations.values())


def read_migration(path: Path) -> Migration:
    """Read one file. Raises RefusedError with file and line."""
    match = FILE_NAME.fullmatch(path.name)
    if match is None:
        raise refusal(
            path, 1, "a migration is named <YYYYMMDDHHMMSS>_<name>.sql, letters, digits, `_`, `-` and `.` in the name"
        )
    statements = tuple(split(read_text(path), path))
    return Migration(match["version"], match["name"], path, statements, _wrapped(statements))


def read_text(path: Path) -> str:
    """A file's text, with the encodings refused that a server or the Supabase CLI would stumble over."""
    content = path.read_bytes()
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise refusal(path, 1, "the file begins with a byte-order mark; save it as UTF-8 without one")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise refusal(path, content.count(b"\n", 0, error.start) + 1, f"not UTF-8 at byte {error.start}") from None
    if "\0" in text:
        raise refusal(path, _line(text, text.index("\0")), "a NUL character")
    return text


def split(text: str, path: Path) -> Iterator[Statement]:
    """The statements of a file. Raises RefusedError for what does not parse, naming the line."""
    try:
        nodes = parse_sql(text)
    except ParseError as error:
        raise _syntax(path, text, error) from None
    end = 0
    for raw in nodes:  # pglast counts in characters
        assert raw.stmt is not None
        start = raw.stmt_location or 0
        stop = start + raw.stmt_len if raw.stmt_len else len(text)
        while text[end : end + 1] in WHITE:
            end += 1
        yield Statement(text[end:stop].rstrip(), _line(text, end), _line(text, start), raw.stmt)
        end = stop


def judge(migration: Migration) -> None:
    """Raise RefusedError, with file and line, for a file that parses but must not be applied.

    Asked of pending files only: what another tool has applied already is history.
    """
    if not migration.body:
        # One that is filled later would count as edited.
        raise refusal(migration.path, 1, "the file holds no statement; write the change, or delete the file")
    for statement in migration.body:
        if reason := _reason_against(statement, migration):
            raise refusal(migration.path, statement.line, reason)


def _reason_against(statement: Statement, migration: Migration) -> str | None:
    node = statement.node
    if isinstance(node, ast.TransactionStmt) and node.kind not in WITHIN:
        return (
            "BEGIN, COMMIT and ROLLBACK do not belong here: a migration is one transaction"
            " (a single BEGIN … COMMIT around the whole file is accepted)"
        )
    if isinstance(node, WHOLE_CLUSTER):
        return "this changes the whole server, not the database; do it outside a migration"
    if isinstance(node, ast.CopyStmt) and node.is_from and node.filename is None:
        return "COPY FROM STDIN needs psql; use INSERT, or the seed file"
    if isinstance(node, ast.IndexStmt) and node.concurrent and not node.idxname:
        return "name the index, so that a run after a crash can find what is left of it"
    if statement.needs_no_transaction and (migration.wrapped or len(migration.body) > 1):
        return "this statement cannot run in a transaction: give it a migration file of its own, without BEGIN"
    return None


def refusal(path: Path, line: int, reason: str) -> RefusedError:
    return RefusedError(f"{path}:{line}: {reason}", code=MIGRATION_REFUSED)


def _wrapped(statements: Sequence[Statement]) -> bool:
    """Whether BEGIN is the first and COMMIT the last statement."""
    if len(statements) < 2:
        return False
    first, last = statements[0].node, statements[-1].node
    return (
        isinstance(first, ast.TransactionStmt)
        and first.kind in BEGINNINGS
        and isinstance(last, ast.TransactionStmt)
        and last.kind == Transaction.TRANS_STMT_COMMIT
    )


def _syntax(path: Path, text: str, error: ParseError) -> RefusedError:
    message, position = error.args[0], error.args[1] if len(error.args) > 1 else None
    offset = len(text.rstrip()) if position is None else int(position)
    line = _line(text, offset)
    if text[offset : offset + 1] == "\\":
        return refusal(path, line, "a psql command (\\…): a migration holds SQL only")
    excerpt = text.splitlines()[line - 1].strip()[:EXCERPT_CHARACTERS] if text.strip() else ""
    return refusal(path, line, f"{message}; nothing was applied\n    {excerpt}")


def _line(text: str, offset: int) -> int:
    return text.count("\n", 0, offset) + 1
