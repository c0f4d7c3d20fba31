"""The scratch database of one run: an embedded server, provisioned and migrated as usual, filled, then deleted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from clarivum.database.migrations.push import push
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.errors import DependencyDownError

# Room for every server's pool and for pgbench; a cache that holds the whole table, as a production server's would.
OPTIONS = {"max_connections": "300", "shared_buffers": "256MB"}
SHOWN_SETTINGS = (
    "server_version",
    "fsync",
    "synchronous_commit",
    "full_page_writes",
    "shared_buffers",
    "wal_level",
    "jit",
)
ROWS_PER_MEMBER = 10

FILL_ENTITLEMENTS = """
insert into public.entitlements (subject, product, status, source, starts_at, created_at)
select 'auth0|bench-' || lpad((number %% %(members)s)::text, 6, '0'), 'product-' || number / %(members)s, 'active',
    'bench', timestamptz '2026-01-01' + number * interval '1 s', timestamptz '2026-01-01' + number * interval '1 s'
from generate_series(0, %(rows)s - 1) as number
"""


@dataclass(frozen=True, slots=True)
class Scratch:
    """A running scratch server. Both URLs are loopback TCP, the way every peer can take."""

    server: EmbeddedServer
    admin_url: str
    app_url: str

    @property
    def settings(self) -> dict[str, str]:
        """What the report says about the server."""
        with psycopg.connect(self.admin_url) as connection:
            rows = connection.execute(
                "select name, current_setting(name) from unnest(%s::text[]) as name", [list(SHOWN_SETTINGS)]
            )
            return dict(rows.fetchall())

    @property
    def address(self) -> dict[str, str | int]:
        """Host, port, name, user and password, for peers that take no URL."""
        info = psycopg.conninfo.conninfo_to_dict(self.app_url)
        return {
            "host": str(info["host"]),
            "port": int(info["port"] or 0),
            "name": str(info["dbname"]),
            "user": str(info["user"]),
            "password": str(info["password"]),
        }

    def wait_for(self, query: str, value: str) -> None:
        """Return once a new session gets `value` from `query`. Raises DependencyDownError after five seconds."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with psycopg.connect(self.admin_url) as connection:
                row = connection.execute(query.encode()).fetchone()
            if row is not None and row[0] == value:
                return
            time.sleep(0.02)
        raise DependencyDownError(f"the scratch database did not come to {value!r}: {query}")

    def execute(self, statement: str) -> None:
        """Run SQL as the superuser, committed at once."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def scratch_database(data: Path, version: int, migrations: Path) -> Iterator[Scratch]:
    """A migrated database under `data/bench/postgres`, from empty; stopped and deleted when the block ends."""
    server = EmbeddedServer(data / "bench" / "postgres", version, options=OPTIONS)
    server.destroy()
    try:
        server.start()
        admin_url = server.admin_url(tcp=True)
        provision(admin_url)
        provision_login(admin_url, server.app_password)
        push(admin_url, migrations)
        yield Scratch(server, admin_url, server.app_url(tcp=True))
    finally:
        server.destroy()


def member_subject(number: int) -> str:
    return f"auth0|bench-{number:06d}"


def fill_entitlements(scratch: Scratch, rows: int) -> int:
    """Load `rows` entitlements, ten a member, without the history trigger; returns the number of members."""
    members = max(rows // ROWS_PER_MEMBER, 1)
    with psycopg.connect(scratch.admin_url, autocommit=True) as connection:
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
            connection.execute(FILL_ENTITLEMENTS, {"members": members, "rows": rows})
        connection.execute("vacuum (freeze, analyze) public.entitlements")
        connection.execute("checkpoint")
    return members
