"""Whether there is a login of our own, and as whom we are known to the issuer."""

from clarivum.api.login.paths import CALLBACK
from clarivum.auth.oidc import Registration
from clarivum.errors import ConfigurationError
from clarivum.settings import Environment, Settings


def registration_of(settings: Settings) -> Registration | None:
    """What the settings ask for; None without AUTH_AUTH0_ID.

    Raises ConfigurationError naming what is missing beside it.
    """
    if settings.login_client_id is None:
        return None
    if settings.login_client_secret is None:
        raise ConfigurationError("AUTH_AUTH0_SECRET is missing: AUTH_AUTH0_ID names a client, and this is its secret")
    if not settings.auth_secrets:
        raise ConfigurationError(
            "AUTH_SECRET is missing: AUTH_AUTH0_ID turns /auth/login on, and sessions are sealed with it"
        )
    return Registration(
        issuer=settings.issuer,
        client_id=settings.login_client_id,
        client_secret=settings.login_client_secret.get_secret_value(),
        redirect_uri=f"{base_url_of(settings)}{CALLBACK}",
        audience=settings.auth0_audience,
    )


def base_url_of(settings: Settings) -> str:
    """Scheme, host and port that browsers see. In development this machine, unless CLARIVUM_BASE_URL says otherwise.

    Raises ConfigurationError in production without it: it must be what is registered with the issuer, whatever a
    request's Host header says.
    """
    if settings.base_url is not None:
        return settings.base_url
    if settings.environment is Environment.PRODUCTION:
        raise ConfigurationError("CLARIVUM_BASE_URL is missing: AUTH_AUTH0_ID turns /auth/login on, which needs it")
    return f"http://localhost:{settings.port}"
