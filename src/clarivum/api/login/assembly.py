"""The login put together from the settings and from what the process has anyway."""

from collections.abc import Iterator

from clarivum.api.asgi import Serves
from clarivum.api.login.callback import Callback
from clarivum.api.login.configuration import base_url_of, registration_of
from clarivum.api.login.logout import Logout, sign_out_page
from clarivum.api.login.parts import Parts
from clarivum.api.login.paths import CALLBACK, LOGIN, LOGOUT
from clarivum.api.login.renewal import SessionRenewal
from clarivum.api.login.serving import RATE, Answer, LoginEndpoint
from clarivum.api.login.start import PARAMETERS, AttemptCookie, Start
from clarivum.api.resources import Resources
from clarivum.auth.oidc import OpenIdClient
from clarivum.auth.seal import Seal
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.settings import Settings

Targets = Iterator[tuple[str, str, Serves]]


def login_targets(settings: Settings, resources: Resources, clock: Clock = SYSTEM_CLOCK) -> Targets:
    """The paths of the login, and sessions renewed from now on; nothing when the settings name no client.

    Raises ConfigurationError naming what is missing.
    """
    registration = registration_of(settings)
    if registration is None:
        return
    credentials, revocations = resources.sessions, resources.revocations
    assert credentials is not None, "registration_of asked for AUTH_SECRET"
    assert revocations is not None
    secrets, secure, cookies = settings.auth_secrets, settings.is_served_over_tls, credentials.cookies
    parts = Parts(
        OpenIdClient(registration, clock), cookies, resources.verifier, revocations, resources.database, clock
    )
    attempts = AttemptCookie(Seal(secrets, "login attempt"), secure=secure)
    renewal = SessionRenewal(parts, Seal(secrets, "session refresh"), max_age_s=settings.session_max_age_s)
    credentials.renew = renewal.renew

    def serve(
        path: str, answer: Answer, parameters: frozenset[str] = frozenset(), *, signs_in: bool = False
    ) -> LoginEndpoint:
        limiter = resources.limiter(RATE, path)
        return LoginEndpoint(
            path,
            answer,
            resources.peers,
            resources.audit,
            resources.answering,
            parameters=parameters,
            limiter=limiter,
            signs_in=signs_in,
        )

    end = Logout(parts, credentials, base_url_of(settings))
    yield "GET", LOGIN, serve(LOGIN, Start(parts, attempts, base_url_of(settings)), PARAMETERS)
    yield "GET", CALLBACK, serve(CALLBACK, Callback(parts, attempts, resources.audit), signs_in=True)
    yield "GET", LOGOUT, serve(LOGOUT, sign_out_page)
    yield "POST", LOGOUT, serve(LOGOUT, end)
