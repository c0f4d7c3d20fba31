"""Our copies of libpq's numbers are psycopg's."""

import pytest
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus

from clarivum.database.wire import libpq


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (libpq.COMMAND_OK, ExecStatus.COMMAND_OK),
        (libpq.TUPLES_OK, ExecStatus.TUPLES_OK),
        (libpq.FATAL_ERROR, ExecStatus.FATAL_ERROR),
        (libpq.PIPELINE_SYNC, ExecStatus.PIPELINE_SYNC),
        (libpq.CONNECTION_BAD, ConnStatus.BAD),
        (libpq.IDLE, TransactionStatus.IDLE),
        (libpq.UNKNOWN, TransactionStatus.UNKNOWN),
        (libpq.DIAG_SQLSTATE, DiagnosticField.SQLSTATE),
        (libpq.DIAG_MESSAGE_PRIMARY, DiagnosticField.MESSAGE_PRIMARY),
        (libpq.DIAG_CONSTRAINT_NAME, DiagnosticField.CONSTRAINT_NAME),
    ],
)
def test_they_are_equal(ours: int, theirs: int) -> None:
    assert ours == theirs
