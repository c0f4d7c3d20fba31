"""Make a Postgres server into what the migrations expect: Supabase's roles and helpers, the queue engine, our login.

baseline.sql says what; it is safe to run again and harmless on a hosted Supabase project.
"""

from dataclasses import dataclass
from importlib.resources import files
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
from psycopg import sql

from clarivum.database.reach import connect
from clarivum.database.security_floor import refuse_outdated_server
from clarivum.errors import ConfigurationError

APP_LOGIN = "clarivum_api"
APP_ROLES = ("anon", "authenticated", "clarivum_staff", "clarivum_worker")


@dataclass(frozen=True, slots=True)
class LoginFacts:
    """What decides whether a login may serve requests. `bypassing_roles`: those it is, or may become by SET ROLE."""

    login: str
    is_superuser: bool
    bypasses_rls: bool
    bypassing_roles: tuple[str, ...]
    server_version: int

    @property
    def bypasses(self) -> bool:
        """Whether row-level security would not hold for what this login does or may become."""
        return self.is_superuser or self.bypasses_rls or bool(self.bypassing_roles)

    @property
    def server_release(self) -> str:
        """`18.4` for 180004."""
        return f"{self.server_version // 10_000}.{self.server_version % 10_000}"


def provision(admin_url: str) -> None:
    """Apply baseline.sql and install pgmq in the database of `admin_url`. Idempotent; one transaction.

    Raises DependencyDownError when the server does not answer, ConfigurationError when the login may not do this.
    """
    with connect(admin_url) as connection:
        try:
            with connection.transaction():
                # Two start-ups at once must not both find a role missing.
                connection.execute("select pg_advisory_xact_lock(hashtext('clarivum.provision'))")
                connection.execute(_script("baseline.sql"))
                _install_queue_engine(connection)
        except psycopg.errors.InsufficientPrivilege as error:
            raise ConfigurationError(
                f"the login of the migration URL may not provision this database: {error.diag.message_primary}"
            ) from None


def provision_login(admin_url: str, password: str) -> str:
    """Set the password of `clarivum_api` (creating it where needed) and return the URL the application uses.

    `clarivum_api` exists because a login such as Supabase's `authenticator` may become service_role, which bypasses
    row-level security; this one may become only anon, authenticated, clarivum_staff and clarivum_worker. The password
    travels as a SCRAM verifier, never as text.
    """
    with connect(admin_url) as connection, connection.transaction():
        if connection.execute("select 1 from pg_roles where rolname = %s", (APP_LOGIN,)).fetchone() is None:
            connection.execute(f"create role {APP_LOGIN} login noinherit nobypassrls")
        roles = sql.SQL(", ").join(map(sql.Identifier, APP_ROLES))
        connection.execute(sql.SQL("grant {} to {}").format(roles, sql.Identifier(APP_LOGIN)))
        verifier = connection.pgconn.encrypt_password(password.encode(), APP_LOGIN.encode(), b"scram-sha-256").decode()
        connection.execute(
            sql.SQL("alter role {} password {}").format(sql.Identifier(APP_LOGIN), sql.Literal(verifier))
        )
    return _with_login(admin_url, password)


def login_facts(url: str) -> LoginFacts:
    """What the login of `url` is and may become. Raises DependencyDownError when the server does not answer."""
    with connect(url) as connection:
        row = connection.execute(
            "select current_user, rolsuper, rolbypassrls,"
            "  array(select r.rolname::text from pg_roles r where (r.rolbypassrls or r.rolsuper)"
            "        and pg_has_role(current_user, r.oid, 'member') order by 1)"
            " from pg_roles where rolname = current_user"
        ).fetchone()
        assert row is not None
        login, superuser, bypass, reachable = row
        return LoginFacts(login, superuser, bypass, tuple(reachable), connection.info.server_version)


def refuse_unsafe_login(facts: LoginFacts, variable: str = "DATABASE_URL") -> None:
    """Raise ConfigurationError (exit 3) for a login that could get past row-level security, or an outdated server."""
    if facts.bypasses:
        if facts.is_superuser or facts.bypasses_rls:
            why = "is a superuser" if facts.is_superuser else "has BYPASSRLS"
        else:
            why = f"may become {', '.join(facts.bypassing_roles)}"
        raise ConfigurationError(
            f"{variable}: login {facts.login!r} {why}, so row-level security would not hold for requests;"
            f" use the login {APP_LOGIN!r} (docs/guide/database.md#logins)"
        )
    refuse_outdated_server(facts.server_version, variable)


def _install_queue_engine(connection: psycopg.Connection) -> None:
    """pgmq: the extension where the server has it (Supabase Queues), else the same engine as plain SQL."""
    if connection.execute("select to_regclass('pgmq.meta') is null").fetchone() == (True,):
        available = connection.execute("select 1 from pg_available_extensions where name = 'pgmq'").fetchone()
        if available is not None:
            connection.execute("create extension if not exists pgmq cascade")
        else:
            connection.execute(files("pgmq").joinpath("sql", "pgmq.sql").read_bytes())
    connection.execute(_script("baseline_queue.sql"))


def _script(name: str) -> bytes:
    return files("clarivum.database").joinpath(name).read_bytes()


def _with_login(url: str, password: str) -> str:
    """The same URL with our login. A pooler's `postgres.<project>` becomes `clarivum_api.<project>`."""
    parts = urlsplit(url)
    _, _, address = parts.netloc.rpartition("@")
    _, dot, project = (parts.username or "").partition(".")
    login = f"{APP_LOGIN}{dot}{project}"
    return urlunsplit(parts._replace(netloc=f"{login}:{quote(password, safe='')}@{address}"))
