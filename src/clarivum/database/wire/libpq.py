"""libpq's numbers, which psycopg's enumerations name: here, so that what only declares queries loads no driver.

Source: ExecStatusType, ConnStatusType and PGTransactionStatusType of libpq-fe.h, PG_DIAG_* of postgres_ext.h. They are
part of libpq's binary interface; a test compares them with psycopg's.
"""

COMMAND_OK = 1
TUPLES_OK = 2
FATAL_ERROR = 7
PIPELINE_SYNC = 10
"""What a result is."""

CONNECTION_BAD = 1

IDLE = 0
UNKNOWN = 4
"""Where a connection stands with its transaction."""

DIAG_SQLSTATE = ord("C")
DIAG_MESSAGE_PRIMARY = ord("M")
DIAG_CONSTRAINT_NAME = ord("n")
"""Fields of an error."""
