"""From SQLSTATE to what the caller is told."""

import pytest

from clarivum.database.sqlstate import connection_lost, database_error, pool_exhausted


@pytest.mark.parametrize(
    ("sqlstate", "status", "retryable"),
    [
        ("23505", 409, False),
        ("23503", 409, False),
        ("23P01", 409, False),
        ("23502", 422, False),
        ("23514", 422, False),
        ("22P02", 422, False),
        ("22003", 422, False),
        ("42501", 403, False),
        ("40001", 503, True),
        ("40P01", 503, True),
        ("57014", 503, False),
        ("57P01", 503, False),
        ("53300", 503, False),
        ("53100", 503, False),
        ("55P03", 503, False),
        ("08006", 503, False),
        ("25006", 500, False),
        ("42P01", 500, False),
        ("P0001", 500, False),
        ("XX000", 500, False),
    ],
)
def test_the_table(sqlstate: str, status: int, retryable: bool) -> None:
    error = database_error(sqlstate, "message", role="authenticated", where="q.sql:1 a")
    assert error.code.status == status
    assert error.sqlstate == sqlstate
    assert error.retryable is retryable
    assert (error.retry_after_s is not None) is (status == 503)


def test_a_plan_that_no_longer_fits_may_be_tried_again() -> None:
    stale = database_error("0A000", "cached plan must not change result type", role="anon", where="a")
    assert (stale.code.status, stale.retryable) == (503, True)
    unknown = database_error("26000", 'prepared statement "c1" does not exist', role="anon", where="a")
    assert (unknown.code.status, unknown.retryable) == (503, True)
    unsupported = database_error("0A000", "cross-database references are not implemented", role="anon", where="a")
    assert (unsupported.code.status, unsupported.retryable) == (500, False)


def test_an_anonymous_caller_is_asked_to_sign_in() -> None:
    assert database_error("42501", "permission denied", role="anon", where="a").code.status == 401


def test_the_log_names_query_and_constraint_and_no_value() -> None:
    error = database_error(
        "23505", 'duplicate key value violates unique constraint "leads_email_key"',
        role="authenticated", where="bff/leads/queries.sql:4 capture_lead", constraint="leads_email_key",
    )  # fmt: skip
    assert error.log == (
        'bff/leads/queries.sql:4 capture_lead: 23505 duplicate key value violates unique constraint "leads_email_key"'
        " (constraint leads_email_key)"
    )
    assert "leads" not in error.detail


def test_quoted_input_and_addresses_do_not_reach_the_log() -> None:
    malformed = database_error("22P02", 'invalid input syntax for type uuid: "topsecret"', role="anon", where="a")
    assert malformed.log is not None
    assert "topsecret" not in malformed.log
    raised = database_error("P0001", "no such member: someone@example.com", role="anon", where="a")
    assert raised.log is not None
    assert "someone@example.com" not in raised.log


def test_a_read_that_writes_tells_its_author_what_to_declare() -> None:
    error = database_error("25006", "cannot execute INSERT in a read-only transaction", role="anon", where="a")
    assert error.log is not None
    assert "declare the query `writes`" in error.log


def test_an_array_that_was_meant_as_json_tells_its_author_what_to_write() -> None:
    error = database_error("22P02", "invalid input syntax for type json", role="anon", where="a")
    assert error.log is not None
    assert "unless the SQL casts it to jsonb" in error.log
    other = database_error("22P02", "invalid input syntax for type uuid", role="anon", where="a")
    assert other.log is not None
    assert "jsonb" not in other.log


def test_losses_are_503_with_retry_after() -> None:
    lost = connection_lost("server closed the connection", where="q.sql:1 a", unknown_outcome=True)
    assert lost.code.status == 503
    assert lost.retry_after_s == 1
    assert lost.unknown_outcome
    assert lost.log is not None
    assert "outcome is unknown" in lost.log
    assert pool_exhausted("all taken").retry_after_s == 1
