"""Whether a login may serve requests: it must be bound by row-level security, and so must every role it can become."""

from typing import TYPE_CHECKING

from clarivum.database.queries import parse_queries
from clarivum.database.security_floor import refuse_outdated_server
from clarivum.database.wire.batch import Batch
from clarivum.database.wire.rows import rows_of
from clarivum.errors import ConfigurationError

if TYPE_CHECKING:
    from clarivum.database.wire.connection import Wire

LOGIN_BUDGET_S = 5.0
SHOWN_ROLES = 3
QUERIES = parse_queries(
    """
-- name: bypassing_roles -> many
-- The login itself, and each role it may become by SET ROLE, that is a superuser or has BYPASSRLS.
select session_user::text as login, rolname::text as role, rolsuper as is_superuser
from pg_catalog.pg_roles
where (rolsuper or rolbypassrls) and pg_catalog.pg_has_role(session_user, oid, 'member')
order by rolname <> session_user, rolname

-- name: server_version -> one
select pg_catalog.current_setting('server_version_num')::integer as version
""",
    __file__,
)


async def refuse_bypassing_login(wire: "Wire") -> None:
    """Raise ConfigurationError when the login of `wire` could evade policies, or its server is outdated."""
    batch = Batch(wire, LOGIN_BUDGET_S)
    version = batch.add(QUERIES.server_version)
    place = batch.add(QUERIES.bypassing_roles)
    await batch.send()
    refuse_outdated_server(rows_of(QUERIES.server_version, *batch.result(version))[0]["version"])
    rows = rows_of(QUERIES.bypassing_roles, *batch.result(place))
    if not rows:
        return
    login = rows[0]["login"]
    if rows[0]["role"] == login:
        fault = "is a superuser" if rows[0]["is_superuser"] else "has BYPASSRLS"
    else:
        fault = f"may become {', '.join(row['role'] for row in rows[:SHOWN_ROLES])}, past policies"
    raise ConfigurationError(
        f"DATABASE_URL: login {login!r} {fault}, so row-level security would not hold;"
        " use the login 'clarivum_api' (see docs/guide/database.md#logins)"
    )
