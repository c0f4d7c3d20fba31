"""Which logins and servers may serve requests."""

import pytest

from clarivum.database.provision import LoginFacts, _with_login, refuse_unsafe_login
from clarivum.errors import ConfigurationError, Exit


def facts(
    *, superuser: bool = False, bypass: bool = False, roles: tuple[str, ...] = (), version: int = 180004
) -> LoginFacts:
    return LoginFacts("app", superuser, bypass, roles, version)


@pytest.mark.parametrize(
    ("unsafe", "reason"),
    [
        (facts(superuser=True, bypass=True, roles=("postgres",)), "is a superuser"),
        (facts(bypass=True, roles=("app",)), "has BYPASSRLS"),
        (facts(roles=("service_role",)), "may become service_role"),
    ],
)
def test_a_login_that_gets_past_row_level_security_is_refused(unsafe: LoginFacts, reason: str) -> None:
    assert unsafe.bypasses
    with pytest.raises(ConfigurationError, match=rf"DATABASE_URL: login 'app' {reason}.*'clarivum_api'") as refused:
        refuse_unsafe_login(unsafe)
    assert refused.value.code.exit is Exit.CONFIGURATION


@pytest.mark.parametrize("version", [150014, 160010, 170006, 180000, 190000])
def test_a_server_at_its_security_floor_is_accepted(version: int) -> None:
    refuse_unsafe_login(facts(version=version))


@pytest.mark.parametrize(
    ("version", "release"), [(150013, "15.13"), (160009, "16.9"), (170005, "17.5"), (140020, "14.20")]
)
def test_a_server_below_its_security_floor_is_refused(version: int, release: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"Postgres {release} is older.*15\.14, 16\.10, 17\.6 or newer"):
        refuse_unsafe_login(facts(version=version), "CLARIVUM_MIGRATION_URL")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://postgres:a@h:5432/postgres?sslmode=require",
            "postgresql://clarivum_api:p%2F%40@h:5432/postgres?sslmode=require",
        ),
        (
            "postgresql://postgres.abcd:a%40@h.pooler.supabase.com:5432/postgres",
            "postgresql://clarivum_api.abcd:p%2F%40@h.pooler.supabase.com:5432/postgres",
        ),
        (
            "postgresql://postgres@/db?host=%2Ftmp%2Fs&port=1",
            "postgresql://clarivum_api:p%2F%40@/db?host=%2Ftmp%2Fs&port=1",
        ),
    ],
)
def test_the_application_url_differs_only_in_its_login(url: str, expected: str) -> None:
    assert _with_login(url, "p/@") == expected
