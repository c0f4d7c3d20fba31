"""Settings are read once, checked together, and never repeated in a message."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.errors import ConfigurationError
from clarivum.settings import Settings, mask, sources, strong_secret

SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"
PRODUCTION = {
    "CLARIVUM_ENVIRONMENT": "production",
    "AUTH0_DOMAIN": "tenant.eu.auth0.com",
    "DATABASE_URL": "postgresql://clarivum_api:s3cret-p4ss@db.example.org/postgres",
}


def test_defaults_are_those_of_development() -> None:
    settings = Settings.load({})
    assert settings.uses_stand_in
    assert settings.issuer == "http://127.0.0.1:8001/"
    assert settings.database_url is None


def test_the_issuer_of_a_tenant_ends_with_a_slash() -> None:
    assert Settings.load(PRODUCTION).issuer == "https://tenant.eu.auth0.com/"


def test_the_first_variable_that_is_set_wins_and_empty_is_unset() -> None:
    environ = {"DATABASE_URL": "", "SUPABASE_DB_URL": "postgresql://a@b/c"}
    assert sources(Settings, environ)["database_url"] == "SUPABASE_DB_URL"
    assert Settings.load(environ).database_url is not None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"AUTH0_DOMAIN": ""}, "AUTH0_DOMAIN"),
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"AUTH0_DOMAIN": "http://tenant.eu.auth0.com"}, "AUTH0_DOMAIN"),
        ({"AUTH0_DOMAIN": "tenant.eu.auth0.com/"}, "AUTH0_DOMAIN"),
        ({"DATABASE_URL": "mysql://root:s3cret-p4ss@db/x"}, "DATABASE_URL"),
        ({"AUTH_SECRET": "s3cret-p4ss"}, "AUTH_SECRET"),
        ({"AUTH_SECRET": "s3cret-p4ss" * 4 + "change-me"}, "AUTH_SECRET"),
        ({"AUTH_SECRET": SECRET, "AUTH_SECRET_2": "s3cret-p4ss"}, "AUTH_SECRET_2"),
        ({"NEXTAUTH_SECRET": "s3cret-p4ss"}, "NEXTAUTH_SECRET"),
        ({"CLARIVUM_PORT": "s3cret-p4ss"}, "CLARIVUM_PORT"),
        ({"CLARIVUM_PORT": "70000"}, "CLARIVUM_PORT"),
        ({"CLARIVUM_ENVIRONMENT": "s3cret-p4ss"}, "CLARIVUM_ENVIRONMENT"),
        ({"CLARIVUM_PROT": "1"}, "CLARIVUM_PROT is not a setting; did you mean CLARIVUM_PORT"),
    ],
)
def test_what_cannot_be_used_is_named_and_its_value_is_not(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load({**PRODUCTION, **changes})
    assert named in refused.value.detail
    assert "s3cret-p4ss" not in refused.value.detail


def test_every_bad_variable_is_named_at_once() -> None:
    with pytest.raises(ConfigurationError) as refused:
        Settings.load({"CLARIVUM_PORT": "x", "CLARIVUM_LOG_LEVEL": "x", "CLARIVUM_JOB_CONCURRENCY": "0"})
    for variable in ("CLARIVUM_PORT", "CLARIVUM_LOG_LEVEL", "CLARIVUM_JOB_CONCURRENCY"):
        assert variable in refused.value.detail


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@:/[]?#"), min_size=12))
def test_a_masked_url_never_shows_its_password(password: str) -> None:
    url = f"postgresql://api:{password}@db.example.org:5432/postgres"
    assert password not in mask(url)
    assert "db.example.org" in mask(url)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("postgresql://u@db/app?password=hunter2", "postgresql://u@db/app?password=***"),
        ("postgresql://db/app?user=u&password=hunter2&port=1", "postgresql://db/app?user=u&password=***&port=1"),
        ("postgresql://u@db/app?sslpassword=hunter2", "postgresql://u@db/app?sslpassword=***"),
        ("postgresql://u@db/app?p%61ssword=hunter2", "postgresql://u@db/app?p%61ssword=***"),
        ("postgresql://u:hunter2@db/app?password=hunter2", "postgresql://u:***@db/app?password=***"),
        ("postgresql://u:hun@hunter2@db/app", "postgresql://u:***@db/app"),
        ("postgresql://u:hun/ter2@db/app", "postgresql://u:***@db/app"),
        ("postgresql://u:hun?ter2@db/app", "postgresql://u:***@db/app"),
        ("postgresql://u:hunter2@h1:5432,h2:5432/app", "postgresql://u:***@h1:5432,h2:5432/app"),
        ("postgresql://h1:5432/app?port=1", "postgresql://h1:5432/app?port=1"),
        ("host=db password=hunter2 user=u", "host=db password=*** user=u"),
        (r"host=db password = 'hun \' ter2' user=u", "host=db password = *** user=u"),
        (r"password=hun\ ter2 host=db", "password=*** host=db"),
        ("host=db sslpassword='hunter2", "host=db sslpassword=***"),
        (
            "https://collector.example.org/v1?client_secret=hunter2",
            "https://collector.example.org/v1?client_secret=***",
        ),
        ("no secret in here", "no secret in here"),
    ],
)
def test_a_password_is_masked_wherever_libpq_takes_one(given: str, shown: str) -> None:
    assert mask(given) == shown


@pytest.mark.parametrize(
    ("secret", "strong"),
    [("short", False), ("a" * 64, False), ("changeme-" * 8, False), (SECRET, True), (SECRET[:-1], False)],
)
def test_placeholders_and_short_secrets_are_weak(secret: str, strong: bool) -> None:
    assert strong_secret(secret) is strong


def test_secrets_of_sessions_are_taken_in_the_order_of_auth_js() -> None:
    names = ("AUTH_SECRET", "NEXTAUTH_SECRET", "AUTH_SECRET_1", "AUTH_SECRET_3")
    environ = {name: SECRET + str(number) for number, name in enumerate(names)}
    assert Settings.load(environ).auth_secrets == tuple(SECRET + str(number) for number in (3, 2, 0, 1))
    assert Settings.load({}).auth_secrets == ()
