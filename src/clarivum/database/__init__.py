"""Sessions under row-level security, declared queries, transactions. See docs/guide/database.md.

What administers a database (server, provisioning, migrations, planning) is imported from its own module, so that a
worker does not load it.
"""

from clarivum.database.context import ANONYMOUS, WORKER, Context
from clarivum.database.database import Database
from clarivum.database.queries import Queries, Query, load_queries, parse_queries
from clarivum.database.retry import retrying
from clarivum.database.session import Session
from clarivum.database.sqlstate import DatabaseError
from clarivum.database.transaction import Outbox, Transaction
from clarivum.database.wire.encode import Json
from clarivum.database.wire.levels import DatabaseStats

__all__ = [
    "ANONYMOUS",
    "WORKER",
    "Context",
    "Database",
    "DatabaseError",
    "DatabaseStats",
    "Json",
    "Outbox",
    "Queries",
    "Query",
    "Session",
    "Transaction",
    "load_queries",
    "parse_queries",
    "retrying",
]
