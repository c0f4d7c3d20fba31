"""The statements that the platform itself runs: held to the same rules as the application's."""

from clarivum.api.login.statements import queries as login_queries
from clarivum.api.rates.statements import queries as rate_queries
from clarivum.api.statements import queries as api_queries
from clarivum.auth.audit.recorder import queries as audit_queries
from clarivum.auth.revocation import queries as revocation_queries
from clarivum.database import Query
from clarivum.jobs.statements import queries as job_queries
from clarivum.jobs.transports.sqs.statements import queries as outbox_queries


def declared() -> tuple[Query, ...]:
    """Idempotency and rate limits, then the login, revocations and the audit, then jobs and their outbox."""
    api = (*api_queries, *rate_queries, *login_queries)
    return (*api, *revocation_queries, *audit_queries, *job_queries, *outbox_queries)
