"""Whose file and whose erasure it is: the policies say so, whatever a statement forgets or claims."""

import pytest

from clarivum.auth.principal import principal_from
from clarivum.database import Context, Database, DatabaseError, parse_queries
from tests.integration.bff.conftest import Backend

ALICE, BOB = "auth0|alice-7f3a", "auth0|bob"
ALICES, BOBS = "alice@example.org", "bob@example.org"
DENIED = "42501"

careless = parse_queries(
    """
-- name: exports -> many
select id from public.data_exports;

-- name: file_of_export -> many
select content from public.data_exports;

-- name: erasures -> many
select id from public.erasures;

-- name: cancel_all -> none
update public.erasures set status = 'cancelled', decided_at = now(), email = null;

-- name: finish_all -> none
update public.erasures set status = 'done', decided_at = now(), email = null;

-- name: readdress_all -> none
update public.erasures set email = 'bob@example.org';

-- name: delete_all -> none
delete from public.data_exports;

-- name: export_of -> none
insert into public.data_exports (subject, email) values (%(subject)s, %(email)s);

-- name: finished_export -> none
insert into public.data_exports (subject, status, content, link_key, expires_at)
values ('auth0|alice-7f3a', 'ready', '{}', decode(repeat('00', 32), 'hex'), now());

-- name: profile_of -> none
insert into public.profiles (subject, email) values (%(subject)s, %(email)s);

-- name: readdress_profile -> none
update public.profiles set email = 'bob@example.org';

-- name: erasure_of -> none
insert into public.erasures (subject, email, due_at) values (%(subject)s, %(email)s, now());
""",
    __file__,
)


def as_alice() -> Context:
    """The context that a request with a token of hers has."""
    claims = {"sub": ALICE, "email": ALICES, "email_verified": True, "roles": ["member"], "exp": 4_102_444_800}
    return principal_from(claims, roles_claim="roles")[0].context


async def asked(backend: Backend) -> tuple[dict[str, str], dict[str, str]]:
    """Both members ask for their file and to be erased; the ids of the exports and of the erasures, by subject."""
    exports, erasures = {}, {}
    for subject, email in ((ALICE, ALICES), (BOB, BOBS)):
        caller = backend.bearer(subject, email=email)
        exports[subject] = (await backend.client.post("/api/v1/me/export", headers=caller)).json()["id"]
        erasures[subject] = (await backend.client.delete("/api/v1/me", headers=caller)).json()["id"]
    return exports, erasures


async def test_a_statement_without_conditions_reaches_the_callers_own_rows(backend: Backend) -> None:
    exports, erasures = await asked(backend)
    async with Database(backend.urls.app, pipelines=1, connections=1) as database:
        session = database.session(as_alice())
        assert [str(row["id"]) for row in await session.many(careless.exports)] == [exports[ALICE]]
        assert [str(row["id"]) for row in await session.many(careless.erasures)] == [erasures[ALICE]]
        assert await session.execute(careless.cancel_all) == 1
        assert await session.execute(careless.cancel_all) == 0, "what is decided stays so"
    states = {row["subject"]: row["status"] for row in backend.rows("select subject, status from public.erasures")}
    assert states == {ALICE: "cancelled", BOB: "requested"}


@pytest.mark.parametrize("name", ["finish_all", "readdress_all", "readdress_profile", "delete_all", "finished_export"])
async def test_what_is_the_workers_to_do_is_refused(backend: Backend, name: str) -> None:
    await asked(backend)
    async with Database(backend.urls.app, pipelines=1, connections=1) as database:
        with pytest.raises(DatabaseError) as refused:
            await database.session(as_alice()).execute(getattr(careless, name))
        assert refused.value.sqlstate == DENIED
        with pytest.raises(DatabaseError) as unread:
            await database.session(as_alice()).many(careless.file_of_export)
        assert unread.value.sqlstate == DENIED


@pytest.mark.parametrize("name", ["export_of", "erasure_of", "profile_of"])
@pytest.mark.parametrize(("subject", "email"), [(BOB, ALICES), (ALICE, BOBS)])
async def test_nobody_asks_in_anothers_name_or_for_anothers_address(
    backend: Backend, name: str, subject: str, email: str
) -> None:
    async with Database(backend.urls.app, pipelines=1, connections=1) as database:
        session = database.session(as_alice())
        with pytest.raises(DatabaseError) as refused:
            await session.execute(getattr(careless, name), subject=subject, email=email)
        assert refused.value.sqlstate == DENIED
        assert await session.execute(getattr(careless, name), subject=ALICE, email=ALICES) == 1
