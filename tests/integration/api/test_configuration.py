"""What cannot be used is refused before anything listens: exit code 3, the variable's name, never its value."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clarivum.api.server import build_app
from clarivum.database import Database, security_floor
from clarivum.errors import ConfigurationError, Exit
from clarivum.settings import Settings
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.sample import application

PROJECT = Path(__file__).resolve().parents[3]
SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"
VALUE = "v4lue-that-is-nobodys"
DEVELOPMENT = {"DATABASE_URL": "postgresql://clarivum_api@127.0.0.1:1/x"}
PRODUCTION = {**DEVELOPMENT, "CLARIVUM_ENVIRONMENT": "production", "AUTH0_DOMAIN": "tenant.eu.auth0.com"}
LOGIN = {"AUTH_SECRET": SECRET, "AUTH_AUTH0_ID": "client", "AUTH_AUTH0_SECRET": SECRET}


def without(environ: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in environ.items() if key != name}


@pytest.mark.parametrize(
    ("environ", "variable"),
    [
        (without(PRODUCTION, "AUTH0_DOMAIN"), "AUTH0_DOMAIN"),
        (without(PRODUCTION, "DATABASE_URL"), "DATABASE_URL"),
        ({**PRODUCTION, "AUTH0_DOMAIN": f"http://{VALUE}.example.org"}, "AUTH0_DOMAIN"),
        ({**PRODUCTION, "CLARIVUM_ADDITIONAL_ISSUERS": f"http://{VALUE}.example.org/"}, "CLARIVUM_ADDITIONAL_ISSUERS"),
        ({**DEVELOPMENT, "CLARIVUM_ADDITIONAL_ISSUERS": f"ftp://{VALUE}/"}, "CLARIVUM_ADDITIONAL_ISSUERS"),
        ({**DEVELOPMENT, "CLARIVUM_IDENTITY_URL": f"http://{VALUE}"}, "CLARIVUM_IDENTITY_URL"),
        ({**DEVELOPMENT, "AUTH_SECRET": VALUE}, "AUTH_SECRET"),
        ({**DEVELOPMENT, "AUTH_SECRET": f"change-me-{VALUE}-{SECRET}"}, "AUTH_SECRET"),
        ({**DEVELOPMENT, "DATABASE_URL": f"mysql://x:{VALUE}@db/x"}, "DATABASE_URL"),
        ({**DEVELOPMENT, "CLARIVUM_TRUSTED_PROXIES": VALUE}, "CLARIVUM_TRUSTED_PROXIES"),
        ({**DEVELOPMENT, "CLARIVUM_ALLOWED_ORIGINS": VALUE}, "CLARIVUM_ALLOWED_ORIGINS"),
        ({**PRODUCTION, "CLARIVUM_ALLOWED_ORIGINS": f"http://{VALUE}"}, "CLARIVUM_ALLOWED_ORIGINS"),
        ({**DEVELOPMENT, "CLARIVUM_CORS_ORIGINS": VALUE}, "CLARIVUM_CORS_ORIGINS"),
        ({**DEVELOPMENT, "CLARIVUM_CORS_ORIGINS": "*"}, "CLARIVUM_CORS_ORIGINS"),
        ({**PRODUCTION, "CLARIVUM_CORS_ORIGINS": f"http://{VALUE}"}, "CLARIVUM_CORS_ORIGINS"),
        ({**DEVELOPMENT, "CLARIVUM_ROLE_MAP": VALUE}, "CLARIVUM_ROLE_MAP"),
        ({**DEVELOPMENT, "CLARIVUM_ROLE_MAP": f"{VALUE}=god"}, "CLARIVUM_ROLE_MAP"),
        ({**DEVELOPMENT, "CLARIVUM_BASE_URL": f"https://{VALUE}/path"}, "CLARIVUM_BASE_URL"),
        ({**PRODUCTION, **LOGIN}, "CLARIVUM_BASE_URL"),
        ({**PRODUCTION, **LOGIN, "CLARIVUM_BASE_URL": f"http://{VALUE}"}, "CLARIVUM_BASE_URL"),
        ({**DEVELOPMENT, **without(LOGIN, "AUTH_SECRET")}, "AUTH_SECRET"),
        ({**DEVELOPMENT, **without(LOGIN, "AUTH_AUTH0_SECRET")}, "AUTH_AUTH0_SECRET"),
        ({**DEVELOPMENT, "CLARIVUM_RATE_LIMITS": VALUE}, "CLARIVUM_RATE_LIMITS"),
        ({**DEVELOPMENT, "CLARIVUM_MAX_BODY_BYTES": "0"}, "CLARIVUM_MAX_BODY_BYTES"),
        ({**DEVELOPMENT, "CLARIVUM_CORS_ORIGIN": "x"}, "CLARIVUM_CORS_ORIGIN is not a setting; did you mean"),
        ({**DEVELOPMENT, "CLARIVUM_TRUSTED_PROXY": VALUE}, "did you mean CLARIVUM_TRUSTED_PROXIES"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_and_its_value_is_not(environ: dict[str, str], variable: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        build_app(application, Settings.load(environ))
    assert variable in refused.value.detail
    assert VALUE not in refused.value.detail
    assert refused.value.code.exit == Exit.CONFIGURATION == 3


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_process_ends_with_3_and_listens_to_nobody(database_urls: DatabaseUrls, workers: str) -> None:
    environ = {
        **os.environ,
        "DATABASE_URL": database_urls.app,
        "CLARIVUM_PORT": str(free_port()),
        "CLARIVUM_TRUSTED_PROXIES": VALUE,
    }
    done = subprocess.run(
        [sys.executable, "-m", "clarivum", "serve", "--workers", workers],
        cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == Exit.CONFIGURATION, said
    assert "CLARIVUM_TRUSTED_PROXIES" in said
    assert VALUE not in said
    assert "listening" not in said


async def test_an_outdated_server_is_not_served_from(
    database_urls: DatabaseUrls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security_floor, "SECURITY_FLOORS", {18: 99})
    database = Database(database_urls.app)
    with pytest.raises(ConfigurationError, match=r"DATABASE_URL: Postgres 18.* is older than its security floor"):
        await database.open()
