"""The baseline: what a plain server gets, and what a hosted project keeps."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from clarivum.database.migrations.push import push
from clarivum.database.provision import login_facts, provision, provision_login, refuse_unsafe_login
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.testing.postgres import TEST_OPTIONS, DatabaseUrls

BOTH_VERSIONS = pytest.mark.parametrize("postgres_version", [16, 18])

# Everything that provisioning may touch, as text: roles, memberships, role settings, schemas, functions, grants.
PICTURE = """
select 'role', rolname, rolsuper, rolinherit, rolcanlogin, rolbypassrls, coalesce(array_to_string(rolconfig, ','), '')
  from pg_roles where rolname !~ '^pg_'
union all select 'member', roleid::regrole::text, false, false, false, false, member::regrole::text from pg_auth_members
union all select 'schema', nspname, false, false, false, false, coalesce(nspacl::text, '') from pg_namespace
  where nspname !~ '^pg_'
union all select 'function', p.oid::regprocedure::text, false, false, false, false,
    md5(prosrc) || coalesce(proacl::text, '')
  from pg_proc p join pg_namespace n on n.oid = pronamespace where nspname in ('auth', 'pgmq', 'public')
union all select 'relation', c.oid::regclass::text, false, false, false, false, coalesce(relacl::text, '')
  from pg_class c join pg_namespace n on n.oid = relnamespace where nspname in ('auth', 'pgmq', 'public')
union all select 'default', defaclobjtype::text, false, false, false, false, defaclacl::text from pg_default_acl
order by 1, 2, 7
"""


def picture(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(PICTURE).fetchall()


@BOTH_VERSIONS
def test_provisioning_again_changes_nothing(empty_database_urls: DatabaseUrls) -> None:
    provision(empty_database_urls.admin)
    first = picture(empty_database_urls.admin)
    provision(empty_database_urls.admin)
    assert picture(empty_database_urls.admin) == first


@BOTH_VERSIONS
def test_roles_are_supabases_and_ours_and_the_serving_login_cannot_get_past_a_policy(
    database_urls: DatabaseUrls,
) -> None:
    with psycopg.connect(database_urls.admin) as connection:
        rows = connection.execute(
            "select rolname, rolcanlogin, rolinherit, rolbypassrls, rolsuper from pg_roles where rolname = any(%s)",
            (
                [
                    "anon",
                    "authenticated",
                    "service_role",
                    "authenticator",
                    "clarivum_worker",
                    "clarivum_staff",
                    "clarivum_api",
                ],
            ),
        ).fetchall()
        timeouts = dict(
            connection.execute(
                "select rolname, rolconfig[1] from pg_roles where rolname in ('anon', 'authenticated')"
            ).fetchall()
        )
    assert {row[0]: row[1:] for row in rows} == {
        "anon": (False, True, False, False),
        "authenticated": (False, True, False, False),
        "service_role": (False, True, True, False),
        "authenticator": (True, False, False, False),
        "clarivum_worker": (False, True, False, False),
        "clarivum_staff": (False, True, False, False),
        "clarivum_api": (True, False, False, False),
    }
    assert timeouts == {"anon": "statement_timeout=3s", "authenticated": "statement_timeout=8s"}
    facts = login_facts(database_urls.app)
    assert not facts.bypasses
    assert facts.server_release == f"{facts.server_version // 10_000}.{facts.server_version % 10_000}"
    refuse_unsafe_login(facts)
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        for role in ("anon", "authenticated", "clarivum_staff", "clarivum_worker"):
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
        for role in ("service_role", "postgres", "authenticator"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))


def test_the_admin_and_a_login_that_may_become_service_role_are_refused(database_urls: DatabaseUrls) -> None:
    with pytest.raises(ConfigurationError, match="is a superuser"):
        refuse_unsafe_login(login_facts(database_urls.admin))
    password = secrets.token_hex(16)
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(sql.SQL("alter role authenticator password {}").format(sql.Literal(password)))
    url = database_urls.app.replace("clarivum_api", "authenticator").replace(
        database_urls.server.app_password, password
    )
    with pytest.raises(ConfigurationError, match="may become service_role"):
        refuse_unsafe_login(login_facts(url))


@BOTH_VERSIONS
def test_without_a_role_the_serving_login_may_do_nothing(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        for statement in (
            "select * from public.leads",
            "create table public.mine ()",
            "select clarivum.subject()",
            "select * from pgmq.list_queues()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


@BOTH_VERSIONS
def test_claims_are_read_as_on_supabase_and_end_with_the_transaction(database_urls: DatabaseUrls) -> None:
    query = (
        "select auth.jwt() ->> 'sub', auth.role(), auth.email(), clarivum.subject(), clarivum.has_role('admin'),"
        " clarivum.has_any_role('{ops,editor}')"
    )
    claims = '{"sub": "auth0|1", "role": "authenticated", "email": "a@example.com", "app_roles": ["member", "editor"]}'
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        connection.execute("set role authenticated")
        with connection.transaction():
            connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
            row = connection.execute(query).fetchone()
            assert row == ("auth0|1", "authenticated", "a@example.com", "auth0|1", False, True)
            with pytest.raises(psycopg.errors.InvalidTextRepresentation):  # as on Supabase: not a uuid
                connection.execute("select auth.uid()")
        assert connection.execute("show request.jwt.claims").fetchone() == ("",)
        assert connection.execute(query).fetchone() == (None, None, None, None, False, False)
        assert connection.execute("select auth.jwt(), auth.uid()").fetchone() == (None, None)


@BOTH_VERSIONS
def test_the_queue_is_for_the_worker_role_alone(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as admin:
        admin.execute("select pgmq.create('made_later')")
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        connection.execute("set role clarivum_worker")
        sent = connection.execute("select pgmq.send('made_later', '{\"n\": 1}')").fetchone()
        read = connection.execute("select msg_id from pgmq.read('made_later', 30, 1)").fetchone()
        assert sent == read
        assert connection.execute("select pgmq.archive('made_later', %s)", read).fetchone() == (True,)
        for role in ("anon", "authenticated", "clarivum_staff"):
            connection.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute("select pgmq.send('made_later', '{}')")


@BOTH_VERSIONS
def test_a_new_table_is_granted_to_nobody(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as admin:
        admin.execute("create table public.fresh (n int)")
        rows = admin.execute(
            "select r, has_table_privilege(r, 'public.fresh', 'select, insert, update, delete, truncate')"
            " from unnest(%s::text[]) r",
            (["anon", "authenticated", "service_role", "clarivum_staff", "clarivum_worker", "clarivum_api"],),
        ).fetchall()
    assert not any(allowed for _, allowed in rows)


@BOTH_VERSIONS
def test_touch_moves_the_revision_whatever_the_statement_says(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.admin, autocommit=True) as admin:
        admin.execute(
            "create table t (n int, created_at timestamptz default '2020-01-01', updated_at timestamptz,"
            "                revision int default 1);"
            "create trigger touch before update on t for each row execute function clarivum.touch();"
            "insert into t (n) values (1);"
        )
        admin.execute("update t set n = 2, revision = 99, created_at = now(), updated_at = '1999-01-01'")
        row = admin.execute(
            "select n, revision, created_at = '2020-01-01', updated_at > '2026-01-01' from t"
        ).fetchone()
    assert row == (2, 2, True, True)


@pytest.fixture
def hosted(data: Path, postgres_version: int) -> Iterator[str]:
    """A server as a hosted project has it: the login is no superuser, Supabase's roles and `auth` are not its own.

    The embedded superuser is called postgres already, so the hosted login is called hosted_postgres here.
    """
    password = secrets.token_hex(16)
    with EmbeddedServer(data, postgres_version, options=TEST_OPTIONS) as server:
        with psycopg.connect(server.admin_url(), autocommit=True) as admin:
            admin.execute(HOSTED)
            admin.execute(sql.SQL("alter role hosted_postgres password {}").format(sql.Literal(password)))
        yield re.sub(r"//postgres:[^@]+@", f"//hosted_postgres:{password}@", server.admin_url())


HOSTED = """
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;
create role hosted_postgres login createrole createdb bypassrls;
grant anon, authenticated, service_role to hosted_postgres with admin option;
alter database postgres owner to hosted_postgres;
create role hosted_auth_admin noinherit;
create schema auth authorization hosted_auth_admin;
create function auth.jwt() returns jsonb language sql stable as $$ select '{}'::jsonb $$;
create function auth.uid() returns uuid language sql stable as $$ select null::uuid $$;
create function auth.role() returns text language sql stable as $$ select ''::text $$;
create function auth.email() returns text language sql stable as $$ select ''::text $$;
grant usage on schema auth to anon, authenticated, service_role, hosted_postgres;
"""


@BOTH_VERSIONS
def test_a_hosted_project_keeps_what_it_has_and_gets_our_login(hosted: str, request: pytest.FixtureRequest) -> None:
    def what_was_there() -> list[tuple[object, ...]]:
        kept = {"anon", "authenticated", "service_role", "authenticator"}
        return [
            row
            for row in picture(hosted)
            if (row[0] == "role" and row[1] in kept) or str(row[1]).startswith("auth.") or row[1] == "auth"
        ]

    before = what_was_there()
    assert len(before) == 9
    provision(hosted)
    app = provision_login(hosted, secrets.token_hex(16))
    push(hosted, request.config.rootpath / "supabase" / "migrations")
    provision(hosted)
    assert what_was_there() == before
    refuse_unsafe_login(login_facts(app))
    with psycopg.connect(app) as connection:
        connection.execute("set role authenticated")
        assert connection.execute("select clarivum.subject()").fetchone() == (None,)


def test_a_login_that_may_not_provision_is_told_so(empty_database_urls: DatabaseUrls) -> None:
    with pytest.raises(ConfigurationError, match="may not provision this database"):
        provision(empty_database_urls.app)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(DependencyDownError) as down:
        login_facts("postgresql://postgres:hush-hush@127.0.0.1:1/postgres")
    assert "127.0.0.1:1" in down.value.detail
    assert "refused" in down.value.detail
    assert "hush" not in down.value.detail


def test_a_malformed_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError) as refused:
        login_facts("postgresql://postgres:hush-hush@127.0.0.1/postgres?no_such_option=1")
    assert "hush" not in refused.value.detail
