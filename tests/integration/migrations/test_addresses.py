"""Which server a command means: what libpq connects to, whatever the text of the URL says."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest

from clarivum.database.migrations.push import push, status
from clarivum.database.reach import connect, resolved
from clarivum.database.schema.application import reset_database
from clarivum.database.schema.supabase_cli import Address
from clarivum.errors import ConfigurationError, RefusedError
from clarivum.testing.postgres import DatabaseUrls

from .conftest import execute, rows

ELSEWHERE = "0.0.0.0"
KEPT = "create table public.kept (n int)"


class Place:
    """One database, and the ways to say where it is."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self.url = url
        self.login = f"{parts.username}:{parts.password}"
        self.user, self.password = str(parts.username), str(parts.password)
        self.database = parts.path.removeprefix("/")
        self.folder, self.port = query["host"][0], query["port"][0]

    def socket(self, folder: Path, port: int) -> str:
        """The folder, with the server's socket in it under another port's name."""
        (folder / f".s.PGSQL.{port}").symlink_to(f"{self.folder}/.s.PGSQL.{self.port}")
        return quote(str(folder), safe="")


@pytest.fixture
def place(empty_database_urls: DatabaseUrls) -> Place:
    return Place(empty_database_urls.admin)


def by_url(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    return f"postgresql://{place.login}@{ELSEWHERE}:{place.port}/{place.database}"


def by_query(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    return f"postgresql://{place.login}@/{place.database}?host={ELSEWHERE}&port={place.port}"


def by_address(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    return f"postgresql://{place.login}@localhost:{place.port}/{place.database}?hostaddr={ELSEWHERE}"


def by_keywords(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    return f"host={ELSEWHERE} port={place.port} user={place.user} password={place.password} dbname={place.database}"


def by_environment(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    environ.setenv("PGHOST", ELSEWHERE)
    environ.setenv("PGPORT", place.port)
    return f"postgresql://{place.login}@/{place.database}"


def by_service(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    (folder / "services.conf").write_text(f"[prod]\nhost={ELSEWHERE}\nport={place.port}\n")
    environ.setenv("PGSERVICEFILE", str(folder / "services.conf"))
    return f"postgresql://{place.login}@/{place.database}?service=prod"


def as_second_host(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    return f"postgresql://{place.login}@127.0.0.1:{place.port},{ELSEWHERE}:{place.port}/{place.database}"


def as_second_host_of_the_environment(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    environ.setenv("PGHOST", f"127.0.0.1,{ELSEWHERE}")
    environ.setenv("PGPORT", place.port)
    return f"postgresql://{place.login}@/{place.database}"


@pytest.mark.parametrize(
    "way",
    [
        by_url,
        by_query,
        by_address,
        by_keywords,
        by_environment,
        by_service,
        as_second_host,
        as_second_host_of_the_environment,
    ],
)
def test_a_database_elsewhere_is_not_reset_however_it_is_named(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[..., str]
) -> None:
    execute(place.url, KEPT)
    url = way(place, tmp_path, monkeypatch)
    with psycopg.connect(url) as connection:
        assert connection.info.dbname == place.database
    with pytest.raises(RefusedError, match="is not on this machine") as refused:
        reset_database(url)
    assert place.password not in refused.value.detail
    assert rows(place.url, "select to_regclass('public.kept') is not null") == [(True,)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:{port},localhost"])
def test_a_database_of_this_machine_is_reset_by_its_address_too(place: Place, host: str) -> None:
    execute(place.url, KEPT)
    named = host.format(port=place.port)
    reset_database(f"postgresql://{place.login}@{named}:{place.port}/{place.database}?sslmode=disable")
    assert rows(place.url, "select to_regclass('public.kept') is not null") == [(False,)]


def test_a_pooler_in_transaction_mode_is_refused_however_its_port_is_named(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pooler = place.socket(tmp_path, 6543)
    migrations = tmp_path / "migrations"
    migrations.mkdir()
    with pytest.raises(ConfigurationError, match="6543, a pooler in transaction mode"):
        push(f"postgresql://{place.login}@/{place.database}?host={pooler}&port=6543", migrations)
    monkeypatch.setenv("PGPORT", "6543")
    with pytest.raises(ConfigurationError, match="6543, a pooler in transaction mode"):
        push(f"postgresql://{place.login}@/{place.database}?host={pooler}", migrations)


def by_settings_around_the_url(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    for name, value in {"PGHOST": place.folder, "PGPORT": place.port, "PGPASSWORD": place.password}.items():
        environ.setenv(name, value)
    return f"postgresql:///{place.database}?user={place.user}"


def by_a_local_service(place: Place, folder: Path, environ: pytest.MonkeyPatch) -> str:
    (folder / "services.conf").write_text(f"[here]\nhost={place.folder}\nport={place.port}\nuser={place.user}\n")
    environ.setenv("PGSERVICEFILE", str(folder / "services.conf"))
    return f"postgresql:///{place.database}?service=here&password={place.password}"


@pytest.mark.parametrize("way", [by_settings_around_the_url, by_a_local_service])
def test_another_program_is_led_to_the_database_that_we_are_connected_to(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: Callable[..., str]
) -> None:
    with connect(way(place, tmp_path, monkeypatch), application_name="clarivum db drift") as connection:
        address = Address.of(resolved(connection))
    assert address.url == f"postgresql://{place.user}@127.0.0.1:{place.port}/{place.database}?sslmode=disable"
    assert address.pgpass == f"127.0.0.1:{place.port}:*:{place.user}:{place.password}"
    for name in ("PGHOST", "PGPORT", "PGPASSWORD", "PGSERVICEFILE"):
        monkeypatch.delenv(name, raising=False)
    with psycopg.connect(f"{address.url.replace('@', f':{place.password}@')}") as connection:
        assert connection.info.dbname == place.database


def test_a_url_of_two_hosts_is_pushed_to(place: Place, tmp_path: Path) -> None:
    (tmp_path / "20270101000000_first.sql").write_text("create table first (n int)")
    url = f"postgresql://{place.login}@127.0.0.1:1,127.0.0.1:{place.port}/{place.database}"
    assert [migration.name for migration in push(url, tmp_path)] == ["first"]
    assert status(url, tmp_path).in_step
