"""The context made from a token, in a real database: what policies read is what the token proved, and no more."""

import pytest
from psycopg import AsyncConnection

from clarivum.auth import ANONYMOUS_PRINCIPAL, TokenVerifier
from clarivum.database.context import Context
from clarivum.testing.postgres import DatabaseUrls
from tests.unit.auth.forge import ROLES_CLAIM, SETTINGS, Endpoint, Forge, TurnedClock

SUBJECTS = ["auth0|alice", "reports@clients", "auth0|zażółć", 'o"quote\\slash', "'; drop table x; --", "a" * 255]
READ = """select current_user::text, auth.jwt() ->> 'sub', auth.jwt() ->> 'email', auth.role(),
clarivum.has_role('admin'), clarivum.has_role('member'), clarivum.has_any_role('{editor,admin}')"""


async def read_as(urls: DatabaseUrls, context: Context) -> tuple[object, ...]:
    async with await AsyncConnection.connect(urls.app) as connection:
        await connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            (context.role, context.claims),
        )
        row = await (await connection.execute(READ)).fetchone()
        assert row is not None
        return row


@pytest.mark.parametrize("postgres_version", [16, 18])
async def test_policies_read_what_the_token_proved(forge: Forge, database_urls: DatabaseUrls) -> None:
    verifier = TokenVerifier(SETTINGS, TurnedClock(), Endpoint(forge.key_set()))
    for subject in SUBJECTS:
        address = {"email": "zoë@example.com", "email_verified": True}
        token = forge.token(sub=subject, role="service_role", app_roles=["admin"], **address)
        principal = await verifier.verify(token)
        assert await read_as(database_urls, principal.context) == (
            *("authenticated", subject, "zoë@example.com", "authenticated"),
            *(False, True, False),
        )
        assert principal.staff_context is None

    staff = await verifier.verify(forge.token(**{ROLES_CLAIM: ["admin", "root"]}))
    assert staff.staff_context is not None
    assert await read_as(database_urls, staff.staff_context) == (
        *("clarivum_staff", "auth0|alice", None, "authenticated"),
        *(True, False, True),
    )
    anonymous = await read_as(database_urls, ANONYMOUS_PRINCIPAL.context)
    assert anonymous == ("anon", None, None, None, False, False, False)
