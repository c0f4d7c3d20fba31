"""Connections for set-up work: one, synchronous, closed afterwards; a server that does not answer is named, masked."""

import ipaddress
import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import Conninfo

from clarivum.errors import (
    DATABASE_REFUSED,
    MIGRATION_LOCKED,
    ClarivumError,
    ConfigurationError,
    DependencyDownError,
    RefusedError,
)
from clarivum.settings import mask

REASON = re.compile(r".*(?:failed|error): +(?:FATAL: +)?(.+)")
CARRIED = ("sslmode", "sslcert", "sslkey", "sslrootcert", "sslpassword", "options")
"""What another program must be told beside host, port, user, password and database; every driver knows these."""
CONNECT_TIMEOUT_S = 2
"""Per address: a name with two of them is still given up within the five seconds that a command has to say so."""


@contextmanager
def connect(
    url: str, *, application_name: str = "clarivum", timeout_s: int = CONNECT_TIMEOUT_S
) -> Iterator[psycopg.Connection]:
    """An autocommit connection. Raises DependencyDownError, ConfigurationError; the password is masked.

    So does what psycopg raises past the block: DependencyDownError when the server went away, is too busy or cut a
    statement short; ConfigurationError when the login may not do this; else RefusedError. Never the server's DETAIL.
    """
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=timeout_s, application_name=application_name)
    except psycopg.ProgrammingError:
        raise ConfigurationError(f"{mask(url)} is not a URL that Postgres clients understand") from None
    except psycopg.OperationalError as error:
        raise DependencyDownError(f"the database at {mask(url)} does not answer: {_reason(error)}") from None
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise _told(error, url) from None


def resolved(connection: psycopg.Connection) -> str:
    """The same database for a program that reads neither our environment nor service files; with the password."""
    info = connection.info
    used = info.get_parameters()
    carried = {name: used[name] for name in CARRIED if name in used}
    host = info.host or info.hostaddr
    address = {"host": host, "port": str(info.port), "dbname": info.dbname, "user": info.user}
    return make_conninfo(**carried, **address, password=info.password or None)


def is_local(connection: psycopg.Connection, url: str) -> bool:
    """Whether the server is on this machine, and so is every host that `url` might lead to the next time.

    Told by what libpq connected to, as it read URL, environment and service file. The near end of a tunnel is on this
    machine; what lies at its far end cannot be seen from here.
    """
    used = {option.keyword.decode(): (option.val or b"").decode() for option in connection.pgconn.info}
    defaults = {option.keyword.decode(): (option.val or b"").decode() for option in Conninfo.get_defaults()}
    given = conninfo_to_dict(url)  # psycopg tries a list of hosts one by one; libpq has seen one of them
    names = [connection.info.hostaddr]
    for keyword in ("host", "hostaddr"):
        names += [*used[keyword].split(","), *str(given.get(keyword) or defaults[keyword]).split(",")]
    return all(map(_is_local_name, names))


def _is_local_name(host: str) -> bool:
    """A socket (libpq's default when no host is named), or an address of loopback."""
    if not host or host.startswith(("/", "@")) or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _told(error: psycopg.Error, url: str) -> ClarivumError:
    """What a statement of ours met: its primary message and SQLSTATE; the DETAIL carries values of rows."""
    message = f"{error.diag.message_primary} ({error.sqlstate})" if error.diag.message_primary else _first_line(error)
    where = f"the database at {mask(url)}"
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return DependencyDownError(f"{where}: a lock was not granted in time: {message}", code=MIGRATION_LOCKED)
    if isinstance(error, psycopg.OperationalError):
        return DependencyDownError(f"{where}: {message}")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return ConfigurationError(
            f"{where}: {message}; set CLARIVUM_MIGRATION_URL to a login that may change the schema"
        )
    return RefusedError(f"{where}: {message}", code=DATABASE_REFUSED)


def _first_line(error: psycopg.Error) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _reason(error: psycopg.OperationalError) -> str:
    """Why, once: libpq repeats the address before the reason, on a line for each address that was tried."""
    lines = [line.strip() for line in str(error).splitlines()]
    reasons = [match[1] for line in lines if (match := REASON.fullmatch(line))]
    return "; ".join(dict.fromkeys(reasons)) or next(iter(lines), type(error).__name__)
