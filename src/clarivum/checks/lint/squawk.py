"""squawk over migrations: the program of the Python package squawk-cli, run once for all files.

Its configuration stands here, each rule that is off with its reason; a `.squawk.toml` or a `-- squawk-ignore` comment
counts for nothing: exceptions live in waivers.toml, with an owner and a date. Rules and their texts: squawkhq.com.
"""

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clarivum.checks.lint.exemptions import Exemptions
from clarivum.checks.statements import statements_within
from clarivum.checks.statements.partitioned import Partitioned
from clarivum.database.migrations.files import Migration, read_text
from clarivum.errors import TOOL_MISSING, ConfigurationError, DependencyDownError

RULE = "database/squawk"
OLDEST_POSTGRES = "15.14"
TIMEOUT_S = 60.0
OFF = {
    "prefer-robust-stmts": "a file that fails leaves nothing, and one that no transaction takes is resumed by the push",
    "require-lock-timeout": "the push sets lock_timeout to 2 s and tries again",
    "require-statement-timeout": "the push sets statement_timeout to 60 s",
    "transaction-nesting": "one BEGIN … COMMIT around the whole file is accepted, every other is refused",
    "ban-drop-database": "refused: it changes the whole server",
    "ban-drop-table": "database/destructive-migration",
    "ban-drop-column": "database/destructive-migration",
    "ban-drop-schema": "database/destructive-migration",
    "ban-drop-sequence": "database/destructive-migration",
    "ban-drop-extension": "database/destructive-migration",
    "ban-truncate-cascade": "database/destructive-migration",
    "changing-column-type": "database/destructive-migration, which knows the changes that rewrite nothing",
}
"""squawk's rules that are off, and why: what the push does itself, or which rule of ours asks instead."""
IGNORE_COMMENT, IGNORED = "squawk-ignore", "squawk_ignore"
INSTALL = "it comes with the Python package squawk-cli: remove .venv and run ./clarivum again"


@dataclass(frozen=True, slots=True)
class Squawk:
    """One thing that squawk found. `line` is the file's, from 1; `rule` is squawk's own name."""

    migration: Migration
    line: int
    rule: str
    message: str
    help: str

    @property
    def subject(self) -> str:
        """What a waiver names: `20270101000000_leads:12 ban-char-field`."""
        return f"{self.migration}:{self.line} {self.rule}"


def find_squawk() -> Path:
    """The program, beside this Python's own or on PATH. Raises ConfigurationError, which says where it comes from."""
    beside = Path(sysconfig.get_path("scripts")) / "squawk"
    on_path = shutil.which("squawk")
    for candidate in (beside, Path(on_path) if on_path else None):
        if candidate is not None and os.access(candidate, os.X_OK):
            return candidate
    raise ConfigurationError(f"squawk is not installed, so no migration can be linted; {INSTALL}", code=TOOL_MISSING)


def run_squawk(
    migrations: Sequence[Migration], program: Path | None = None, *, among: Sequence[Migration] | None = None
) -> tuple[Squawk, ...]:
    """What squawk finds in these migrations, in their order. Raises ConfigurationError, DependencyDownError.

    `among` are all of the folder, which say what stands before them; these alone when None.
    """
    if not migrations:
        return ()
    partitioned = Partitioned()
    for migration in migrations if among is None else among:
        for statement in migration.body:
            for node in statements_within(statement.node):
                partitioned.follow(node)
    program = program or find_squawk()
    texts = [read_text(migration.path) for migration in migrations]
    exemptions = [Exemptions(text, partitioned) for text in texts]
    found: list[tuple[int, Squawk]] = []
    with tempfile.TemporaryDirectory(prefix="clarivum-squawk-") as name:
        folder = Path(name)
        (folder / "none.toml").touch()
        for number, text in enumerate(texts):
            (folder / f"{number}.sql").write_text(text.replace(IGNORE_COMMENT, IGNORED), encoding="utf-8")
        for transactional in (True, False):
            chosen = [number for number, each in enumerate(migrations) if each.transactional is transactional]
            for entry in _entries(program, folder, chosen, transactional=transactional):
                number = int(str(entry["file"]).rpartition("/")[2].partition(".")[0])
                if not exemptions[number].cover(entry["rule_name"], entry["line"], entry["column"]):
                    found.append((number, _squawk(migrations[number], entry)))
    found.sort(key=lambda pair: (pair[0], pair[1].line))
    return tuple({each.subject: each for _, each in found}.values())


def _entries(program: Path, folder: Path, numbers: Sequence[int], *, transactional: bool) -> Iterator[dict[str, Any]]:
    if not numbers:
        return
    command = [str(program), "--config", "none.toml", "--reporter", "json", "--pg-version", OLDEST_POSTGRES]
    command += [f"--exclude={rule}" for rule in OFF]
    command += ["--assume-in-transaction"] if transactional else []
    try:
        done = subprocess.run(
            [*command, *(f"{number}.sql" for number in numbers)],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        entries = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise DependencyDownError(f"squawk did not end within {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise ConfigurationError(f"{program} cannot be run: {error.strerror}; {INSTALL}") from None
    except ValueError:
        said = done.stderr.strip()[:500] or "nothing"
        raise DependencyDownError(f"squawk ended with {done.returncode} and no report; it said: {said}") from None
    yield from entries


def _squawk(migration: Migration, entry: dict[str, Any]) -> Squawk:
    rule = str(entry["rule_name"])
    advice = str(entry["help"] or f"see https://squawkhq.com/docs/{rule}")
    return Squawk(migration, int(entry["line"]) + 1, rule, str(entry["message"]), advice)
