"""Whether a login may serve requests: it must be bound by row-level security, and so must every role it can become."""

from clarivum.database.batch import Batch
from clarivum.database.decode import rows_of
from clarivum.database.queries import parse_queries
from clarivum.database.wire import Wire
from clarivum.errors import ConfigurationError

LOGIN_BUDGET_S = 5.0
QUERIES = parse_queries(
    """
-- name: bypassing_roles -> many
-- The login itself, or a role it can SET ROLE to, that is a superuser or has BYPASSRLS.
select session_user::text as login, rolname::text as role, rolsuper as superuser, rolbypassrls as bypasses
from pg_catalog.pg_roles
where (rolsuper or rolbypassrls) and pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
order by rolname <> session_user, rolname
""",
    __file__,
)


async def refuse_bypassing_login(wire: Wire) -> None:
    """Raise ConfigurationError when the login of `wire` could evade policies."""
    batch = Batch(wire, LOGIN_BUDGET_S)
    place = batch.add(QUERIES.bypassing_roles)
    await batch.send()
    rows = rows_of(QUERIES.bypassing_roles, *batch.result(place))
    if not rows:
        return
    first = rows[0]
    attribute = "is a superuser" if first["superuser"] else "has BYPASSRLS"
    subject = "the login" if first["role"] == first["login"] else f"the login is a member of {first['role']}, which"
    raise ConfigurationError(
        f"DATABASE_URL: {subject} {attribute}, so row-level security would not hold; use a login such as `authenticator`"
        " that is a member of anon, authenticated and clarivum_worker only"
    )
