"""What a server really executes, by Postgres' own log: pgbench is held to the same SQL, not to a copy of it."""

import re
from collections.abc import Callable, Iterator

from benchmarks.harness.scratch import Scratch

ENTRY = re.compile(r"LOG:  (?:execute [^:]+|statement): (?P<sql>.*)", re.DOTALL)


def executed(scratch: Scratch, act: Callable[[], object]) -> list[str]:
    """The statements that the application's login executed during `act`, in order, white space evened out."""
    log = scratch.server.log
    _log_statements(scratch, "all")
    try:
        start = log.stat().st_size
        act()
    finally:
        _log_statements(scratch, "none")
    with log.open("rb") as file:
        file.seek(start)
        text = file.read().decode(errors="replace")
    login = f" {scratch.address['user']}@"
    return [evened(found["sql"]) for entry in entries(text) if login in entry and (found := ENTRY.search(entry))]


def entries(text: str) -> Iterator[str]:
    """Log entries; a line that begins with a tab continues the one before."""
    entry: list[str] = []
    for line in text.splitlines():
        if entry and not line.startswith("\t"):
            yield "\n".join(entry)
            entry = []
        entry.append(line)
    if entry:
        yield "\n".join(entry)


def evened(sql: str) -> str:
    """One space for any white space, no semicolon at the end."""
    return " ".join(sql.split()).rstrip("; ")


def _log_statements(scratch: Scratch, which: str) -> None:
    """Switch the setting and wait until new sessions have it; running ones get it with their next command."""
    scratch.execute(f"alter system set log_statement = '{which}'")
    scratch.execute("select pg_reload_conf()")
    scratch.wait_for("select current_setting('log_statement')", which)
