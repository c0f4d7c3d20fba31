"""The rows of a result, and as many of them as the query declares."""

from typing import TYPE_CHECKING, Any

from clarivum.database.queries import Query
from clarivum.database.wire.prepared import Prepared
from clarivum.errors import INTERNAL, NOT_FOUND, RequestError

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult


def rows_of(query: Query, prepared: Prepared, result: "PGresult") -> list[Any]:
    """The rows of a result; the decoder is compiled at the first one and kept with the prepared statement."""
    decoder = prepared.decoder
    if decoder is None:
        from clarivum.database.wire.decode import RowDecoder  # noqa: PLC0415 - the driver, once there is a result

        decoder = prepared.decoder = RowDecoder(query, result)
    return decoder.rows(result)


def exactly_one(query: Query, rows: list[Any]) -> Any:
    """The only row. Raises RequestError: not_found for none, internal for several."""
    if len(rows) == 1:
        return rows[0]
    if rows:
        raise _too_many(query, rows)
    raise RequestError(NOT_FOUND.title, code=NOT_FOUND, log=f"{query.where}: no row")


def zero_or_one(query: Query, rows: list[Any]) -> Any | None:
    """The only row or None. Raises RequestError (internal) for several."""
    if len(rows) > 1:
        raise _too_many(query, rows)
    return rows[0] if rows else None


def _too_many(query: Query, rows: list[Any]) -> RequestError:
    return RequestError(INTERNAL.title, log=f"{query.where}: {len(rows)} rows where `{query.kind}` was declared")
