"""An application of any size for measuring the checks: tables, queries and migrations in the proportions of 3 : 10 : 5.

The same size is the same text, byte for byte. It keeps every rule of the database chapter that can be kept without
pages: each table is secured, owned and indexed, each query has its index.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

PACKAGE = "scale_backend"
TABLES_PER_SLICE = 10
FULL_TABLES = 300
FIRST_VERSION = datetime(2027, 1, 1, tzinfo=UTC)
PLATFORM_MIGRATIONS = Path(__file__).resolve().parents[1] / "supabase" / "migrations"
OWNERS = """[teams.platform]
channel = "#platform"
person = "platform engineering"
data_champion = "data champion, #data"
"""
TABLE = """-- author: platform
create table public.{name} (
    id uuid primary key default gen_random_uuid(),
    subject text not null check (char_length(subject) between 1 and 255),
    kind text not null check (char_length(kind) between 1 and 80),
    body text,
    created_at timestamptz not null default now(),
    deleted_at timestamptz
);
comment on table public.{name} is 'owner: platform. rows: 20_000_000. Made for measuring.';
create index {name}_subject_created_at_idx on public.{name} (subject, created_at desc, id desc);
create index {name}_subject_kind_idx on public.{name} (subject, kind, created_at desc);
alter table public.{name} enable row level security;
alter table public.{name} force row level security;
grant select, insert, update on public.{name} to authenticated;
create policy {name}_read on public.{name} for select to authenticated
    using (subject = (select clarivum.subject()));
create policy {name}_add on public.{name} for insert to authenticated
    with check (subject = (select clarivum.subject()));
create policy {name}_change on public.{name} for update to authenticated
    using (subject = (select clarivum.subject())) with check (subject = (select clarivum.subject()));
"""
COLUMN = "-- author: platform\nalter table public.{name} add column note text;\n"
COMMENT = "-- author: platform\ncomment on column public.{name}.kind is 'distinct: 40';\n"
QUERIES = """-- name: {name}_newest -> many Item
select id, kind, body, created_at from public.{name} order by created_at desc, id desc limit %(limit)s;

-- name: {name}_of_kind -> many Item
select id, kind, body, created_at from public.{name} where kind = %(kind)s order by created_at desc limit 50;

-- name: {name}_add -> one Item
insert into public.{name} (subject, kind, body) values (clarivum.subject(), %(kind)s, %(body)s)
returning id, kind, body, created_at;
"""
CHANGE = """
-- name: {name}_change -> none
update public.{name} set body = %(body)s where id = %(id)s;
"""
CONTRACT = '''"""What callers send and get."""

from datetime import datetime
from uuid import UUID

from clarivum.api import Contract


class Item(Contract):
    """One of them."""

    id: UUID
    kind: str
    body: str | None
    created_at: datetime


class Items(Contract):
    """Many of them."""

    items: list[Item]
'''
LOADING = '''"""The statements of queries.sql."""

from clarivum.database import load_queries
from {package}.{slice} import contract

queries = load_queries(__file__, rows=contract)
'''
ROUTES = '''"""Read the newest of each table."""

from clarivum.api import authenticated, get
from clarivum.database import Session
from {package}.{slice}.contract import Items
from {package}.{slice}.queries import queries
'''
ROUTE = '''

@get("/api/v1/{name}", access=authenticated())
async def list_{name}(session: Session) -> Items:
    """List the newest."""
    return Items(items=await session.many(queries.{name}_newest, limit=50))
'''
FEATURE = '''"""A slice."""

from clarivum.application import Feature
from {package}.{slice}.queries import queries
from {package}.{slice} import routes

feature = Feature("{slice}", owner="platform", routes=[{routes}], queries=queries)
'''
APPLICATION = '''"""The application."""

from pathlib import Path

from clarivum.application import Application
{imports}

application = Application("scale", root=Path(__file__).resolve().parent.parent, features=[{features}])
'''


@dataclass(frozen=True, slots=True)
class Size:
    """How large an application is; the platform's own migrations, tables and queries come on top."""

    tables: int
    queries: int
    migrations: int

    @classmethod
    def of(cls, share: float) -> "Size":
        """A share of 300 tables, 1,000 queries and 500 migrations."""
        tables = round(FULL_TABLES * share)
        return cls(tables, tables * 3 + _thirds(tables, 0), tables + _thirds(tables, 0) + _thirds(tables, 1))


def write(root: Path, size: Size) -> None:
    """Write the application into an empty folder: the package, its migrations and owners.toml."""
    (root / "owners.toml").write_text(OWNERS)
    migrations = root / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    for path in PLATFORM_MIGRATIONS.glob("*_clarivum_*.sql"):
        shutil.copy(path, migrations)
    for number, (name, text) in enumerate(_migrations(size)):
        version = f"{FIRST_VERSION + timedelta(minutes=number):%Y%m%d%H%M%S}"
        (migrations / f"{version}_{name}.sql").write_text(text)
    package = root / PACKAGE
    package.mkdir()
    (package / "__init__.py").write_text('"""Made for measuring."""\n')
    names = [_table(number) for number in range(size.tables)]
    slices = {
        f"slice_{at // TABLES_PER_SLICE:03}": names[at : at + TABLES_PER_SLICE]
        for at in range(0, len(names), TABLES_PER_SLICE)
    }
    for name, tables in slices.items():
        _write_slice(package / name, name, tables)
    imports = "\n".join(f"from {PACKAGE} import {name}" for name in slices)
    features = ", ".join(f"{name}.feature" for name in slices)
    (package / "app.py").write_text(APPLICATION.format(imports=imports, features=features))


def _write_slice(folder: Path, name: str, tables: list[str]) -> None:
    folder.mkdir()
    told = {"package": PACKAGE, "slice": name}
    routes = ", ".join(f"routes.list_{table}" for table in tables)
    queries = [
        QUERIES.format(name=table) + (CHANGE.format(name=table) if int(table[-3:]) % 3 == 0 else "") for table in tables
    ]
    for file, text in {
        "__init__.py": FEATURE.format(routes=routes, **told),
        "contract.py": CONTRACT,
        "queries.py": LOADING.format(**told),
        "queries.sql": "\n".join(queries),
        "routes.py": ROUTES.format(**told) + "".join(ROUTE.format(name=table) for table in tables),
    }.items():
        (folder / file).write_text(text)


def _migrations(size: Size) -> Iterator[tuple[str, str]]:
    """Name and text of each: a third of the tables later gets a column, another third a comment."""
    for number in range(size.tables):
        name = _table(number)
        yield name, TABLE.format(name=name)
        if number % 3 == 0:
            yield f"{name}_note", COLUMN.format(name=name)
        elif number % 3 == 1:
            yield f"{name}_kinds", COMMENT.format(name=name)


def _table(number: int) -> str:
    return f"items_{number:03}"


def _thirds(tables: int, rest: int) -> int:
    return len(range(rest, tables, 3))
