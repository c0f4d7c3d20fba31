"""A copy of a scratch database, to be changed and thrown away."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql


@contextmanager
def copied(admin_url: str, app_url: str, name: str) -> Iterator[tuple[str, str]]:
    """The two URLs in a copy called `name`, dropped at the end. Nobody may be connected to the original meanwhile."""
    original = urlsplit(admin_url).path.lstrip("/")
    with psycopg.connect(_at(admin_url, "postgres"), autocommit=True) as connection:
        copy, source = sql.Identifier(name), sql.Identifier(original)
        connection.execute(sql.SQL("create database {} template {} strategy file_copy").format(copy, source))
        try:
            yield _at(admin_url, name), _at(app_url, name)
        finally:
            connection.execute(sql.SQL("drop database if exists {} with (force)").format(copy))


def _at(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
