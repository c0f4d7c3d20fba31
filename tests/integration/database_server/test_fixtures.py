import psycopg
import pytest

from clarivum.testing.postgres import DatabaseUrls


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_a_fresh_database_is_migrated_and_serves_the_application_login(
    database_urls: DatabaseUrls, postgres_version: int
) -> None:
    with psycopg.connect(database_urls.app) as connection:
        assert connection.info.server_version // 10_000 == postgres_version
        connection.execute("set local role authenticated")
        connection.execute(
            'select set_config(\'request.jwt.claims\', \'{"sub": "auth0|a", "app_roles": ["admin"]}\', true)'
        )
        row = connection.execute(
            "select clarivum.subject(), clarivum.has_role('admin'), clarivum.has_role('ops')"
        ).fetchone()
    assert row == ("auth0|a", True, False)
