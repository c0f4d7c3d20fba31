"""GET /auth/login: leave for the identity provider, with an attempt that only this browser can complete."""

import re
from urllib.parse import urlencode, urlsplit

from clarivum.api.login.parts import Parts
from clarivum.api.login.paths import LOGIN
from clarivum.api.login.serving import Visit, redirect
from clarivum.api.response import Response
from clarivum.auth.cookies.header import set_cookie
from clarivum.auth.oidc import LoginAttempt, own_path, seal_attempt
from clarivum.auth.oidc.attempt import LIFETIME_S
from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.seal import Seal
from clarivum.errors import INVALID_PARAMETER, RequestError, Violation

PARAMETERS = frozenset({"returnTo", "mfa"})
_NAME = "clarivum.login"


class AttemptCookie:
    """Where the attempt waits for the browser to come back: `__Host-clarivum.login` under TLS, for ten minutes."""

    def __init__(self, seal: Seal, *, secure: bool) -> None:
        self.name = f"__Host-{_NAME}" if secure else _NAME
        self.seal = seal
        self._secure = secure

    def write(self, attempt: LoginAttempt) -> str:
        """The Set-Cookie value."""
        return set_cookie(self.name, seal_attempt(attempt, self.seal), max_age_s=LIFETIME_S, secure=self._secure)

    def clear(self) -> str:
        """The Set-Cookie value that deletes it."""
        return set_cookie(self.name, "", max_age_s=0, secure=self._secure)


class Start:
    """Redirects to the issuer. `returnTo` is where the browser ends up, `mfa=1` asks for a second factor."""

    def __init__(self, parts: Parts, attempts: AttemptCookie, base_url: str) -> None:
        self._parts = parts
        self._attempts = attempts
        self._base_url = base_url

    async def __call__(self, visit: Visit, set_cookies: list[str]) -> Response:
        return_to = own_path(visit.parameters.get("returnTo", ""))
        mfa = visit.parameters.get("mfa", "0")
        if mfa not in ("0", "1"):
            raise RequestError(
                "The query cannot be used.",
                code=INVALID_PARAMETER,
                violations=[Violation("query:mfa", "The parameter is 1 or 0", "invalid")],
            )
        if self._is_another_name_of_this_machine(visit.headers.get(b"host", b"")):
            return redirect(f"{self._base_url}{LOGIN}?{urlencode({'returnTo': return_to, 'mfa': mfa})}")
        attempt = LoginAttempt.begin(return_to, mfa=mfa == "1", now=self._parts.now())
        url = await self._parts.client.authorization_url(attempt)
        set_cookies.append(self._attempts.write(attempt))
        return redirect(url)

    def _is_another_name_of_this_machine(self, host: bytes) -> bool:
        """127.0.0.1 where the callback says localhost: cookies of one are not sent to the other."""
        named = re.sub(r":\d{1,5}$", "", host.decode("latin-1")).strip("[]").lower()
        ours = urlsplit(self._base_url).hostname
        return named != ours and named in LOOPBACK_HOSTS and ours in LOOPBACK_HOSTS
