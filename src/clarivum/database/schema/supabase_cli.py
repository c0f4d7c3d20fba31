"""The real Supabase CLI (npm `supabase`): where it is, and how it is run without Docker, telemetry or a password in
the process list. `db diff` and `db drift` need it; `check database` asks it for Supabase's advisors where it is there.
"""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg.conninfo import conninfo_to_dict

from clarivum.errors import TOOL_MISSING, ConfigurationError, DependencyDownError
from clarivum.settings import mask

PLACES = ("node_modules/.bin/supabase", ".clarivum/npm/supabase/node_modules/.bin/supabase")
"""Below the root: a project's own, then the one that the tests install. One on PATH comes between the two."""
INSTALL = "`npm install --save-dev supabase` in the repository (Node.js 20 or newer)"
CALL_TIMEOUT_S = 300.0
TOLD_CHARACTERS = 1_000
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Address:
    """A database as the CLI takes it. `url` carries no password; `pgpass` is its line in a password file, or empty."""

    url: str
    pgpass: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """Take a Postgres URL apart. Raises ConfigurationError for one that is none.

        The CLI knows no sockets: the embedded server listens on loopback too, on the port that names its socket. On
        loopback TLS is off unless asked for, which spares the CLI's notice.
        """
        try:
            given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
        except psycopg.ProgrammingError:
            raise ConfigurationError(f"{mask(url)} is not a URL that Postgres clients understand") from None
        host = given.pop("host", "") or "127.0.0.1"
        if host.startswith("/"):
            host = "127.0.0.1"
        port, user = given.pop("port", "5432"), given.pop("user", "postgres")
        password, database = given.pop("password", ""), given.pop("dbname", user)
        if host in LOOPBACK:
            given.setdefault("sslmode", "disable")
        place = f"[{host}]" if ":" in host else host
        query = f"?{urlencode(given, quote_via=quote)}" if given else ""
        line = ":".join(field.replace("\\", "\\\\").replace(":", "\\:") for field in (host, port, "*", user, password))
        return cls(
            f"postgresql://{quote(user, safe='')}@{place}:{port}/{quote(database, safe='')}{query}",
            line if password else "",
        )


def find(root: Path, environ: Mapping[str, str]) -> Path:
    """The CLI's program. Raises ConfigurationError, which says how to install it."""
    on_path = shutil.which("supabase", path=environ.get("PATH"))
    own, installed_by_tests = (root / place for place in PLACES)
    for candidate in (own, Path(on_path) if on_path else None, installed_by_tests):
        if candidate is not None and os.access(candidate, os.X_OK):
            return candidate
    raise ConfigurationError(
        f"the Supabase CLI is not installed, and this command needs it: {INSTALL}", code=TOOL_MISSING
    )


class SupabaseCli:
    """Runs the program with a home of its own, removed afterwards: it finds no login and leaves no file."""

    def __init__(self, program: Path, environ: Mapping[str, str]) -> None:
        self._program = program
        self._environ = environ

    def diff(self, from_url: str, to_url: str) -> str:
        """The SQL that leads from one database to the other: tables, policies, grants, functions, comments; or nothing.

        Raises DependencyDownError when the CLI fails, with its own words; ConfigurationError when it is too old.
        """
        start, end = Address.of(from_url), Address.of(to_url)
        arguments = ["db", "diff", "--output-format", "json", "--from", start.url, "--to", end.url]
        text = self.run(arguments, addresses=(start, end))
        try:
            difference = json.loads(text)["diff"]
        except (ValueError, KeyError, TypeError):
            raise ConfigurationError(
                f"{self._program} does not answer as the Supabase CLI 3.1 does; update it: {INSTALL}"
            ) from None
        return str(difference).strip()

    def run(self, arguments: list[str], *, addresses: tuple[Address, ...] = (), workdir: Path | None = None) -> str:
        """What the command prints to standard output.

        `workdir` holds `supabase/`; without one the command sees an empty project. Raises DependencyDownError.
        """
        with tempfile.TemporaryDirectory(prefix="clarivum-supabase-") as home:
            passwords = Path(home) / ".pgpass"
            passwords.touch(mode=0o600)
            passwords.write_text("".join(f"{address.pgpass}\n" for address in addresses if address.pgpass))
            environment = {
                **{name: value for name, value in self._environ.items() if not name.startswith(("SUPABASE_", "PG"))},
                "HOME": home,
                "SUPABASE_TELEMETRY_DISABLED": "1",
                "NO_COLOR": "1",
            }
            command = [str(self._program), "--workdir", str(workdir or home), *arguments]
            try:
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, timeout=CALL_TIMEOUT_S, check=False
                )
            except subprocess.TimeoutExpired:
                raise DependencyDownError(f"the Supabase CLI did not end within {CALL_TIMEOUT_S:g} s") from None
            except OSError as error:
                raise ConfigurationError(f"{self._program} cannot be run: {error.strerror}; {INSTALL}") from None
        if done.returncode != 0:
            raise DependencyDownError(f"the Supabase CLI ended with {done.returncode}: {_told(done.stderr)}")
        return done.stdout


def _told(stderr: str) -> str:
    """The CLI's own words without its advice to the person at the keyboard."""
    lines = [line for line in stderr.strip().splitlines() if not line.startswith(("Target: ", "Try rerunning"))]
    return "\n    ".join(lines)[:TOLD_CHARACTERS] or "it said nothing"
