"""Connections for set-up work: one, synchronous, closed afterwards; a server that does not answer is named, masked."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.settings import mask

REASON = re.compile(r".*(?:failed|error): +(?:FATAL: +)?(.+)")
CONNECT_TIMEOUT_S = 2
"""Per address: a name with two of them is still given up within the five seconds that a command has to say so."""


@contextmanager
def connect(
    url: str, *, application_name: str = "clarivum", timeout_s: int = CONNECT_TIMEOUT_S
) -> Iterator[psycopg.Connection]:
    """An autocommit connection. Raises DependencyDownError, ConfigurationError; the password is masked."""
    try:
        connection = psycopg.connect(url, autocommit=True, connect_timeout=timeout_s, application_name=application_name)
    except psycopg.ProgrammingError:
        raise ConfigurationError(f"{mask(url)} is not a URL that Postgres clients understand") from None
    except psycopg.OperationalError as error:
        raise DependencyDownError(f"the database at {mask(url)} does not answer: {_reason(error)}") from None
    with connection:
        yield connection


def _reason(error: psycopg.OperationalError) -> str:
    """Why, once: libpq repeats the address before the reason, on a line for each address that was tried."""
    lines = [line.strip() for line in str(error).splitlines()]
    reasons = [match[1] for line in lines if (match := REASON.fullmatch(line))]
    return "; ".join(dict.fromkeys(reasons)) or next(iter(lines), type(error).__name__)
