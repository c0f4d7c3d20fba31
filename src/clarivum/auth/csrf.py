"""The token that a page repeats with every change it makes under a session cookie: signed double submit.

After OWASP's Cross-Site Request Forgery Prevention Cheat Sheet: the same value in a cookie and in a header, which
another site's page can neither read nor set; signed, so that a neighbouring host that plants a cookie cannot make one
up; and bound to the session, so that it cannot plant its own.
"""

import base64
import hmac
import re
import secrets as system_secrets
from collections.abc import Callable, Iterable, Sequence

from clarivum.auth.cookies.header import Cookie, set_cookie
from clarivum.errors import CSRF_FAILED, RequestError

HEADER = "x-csrf-token"
_NAME = "clarivum.csrf"
_NONCE_BYTES = 16
_PURPOSE = b"Clarivum CSRF token"
_SHAPE = re.compile(r"[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}", re.ASCII)


class CsrfTokens:
    """Makes and checks the tokens. `secrets` are those of the sessions, the newest first: all check, the first signs.

    `secure` is for a site under TLS: the cookie is then `__Host-clarivum.csrf`, which only this very host can set.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        secure: bool,
        random: Callable[[int], bytes] = system_secrets.token_bytes,
    ) -> None:
        self._keys = [hmac.digest(secret.encode(), _PURPOSE, "sha256") for secret in secrets]
        self._secure = secure
        self._random = random
        self.cookie = f"__Host-{_NAME}" if secure else _NAME

    def issue(self, cookies: Iterable[Cookie], session: str) -> tuple[str, str]:
        """The session's token and the Set-Cookie value that goes with it.

        `session` is what tells this session from any other, for as long as it lasts. A good token among the request's
        `cookies` is given out again, so that several open pages do not take it from each other.
        """
        token = self._sent(cookies)
        if token is None or not self._is_of(session, token):
            nonce = _text(self._random(_NONCE_BYTES))
            token = f"{nonce}.{self._signature(self._keys[0], nonce, session)}"
        # The page gets the token from the answer's body, so no script needs to read the cookie.
        return token, set_cookie(self.cookie, token, max_age_s=None, secure=self._secure)

    def check(self, header: str | None, cookies: Iterable[Cookie], session: str) -> None:
        """Raises RequestError `csrf_failed` (403) unless header and cookie hold one token, made for this session."""
        sent = self._sent(cookies)
        if header is None:
            reason = f"no {HEADER} header"
        elif sent is None:
            reason = "no cookie with the token, or several"
        elif not hmac.compare_digest(_bytes(header), _bytes(sent)):
            reason = "header and cookie differ"
        elif not self._is_of(session, sent):
            reason = "the token is not of this session"
        else:
            return
        raise RequestError(
            f"The header {HEADER} is missing, or holds no token of this session: GET /auth/csrf answers with one.",
            code=CSRF_FAILED,
            log=reason,
        )

    def _sent(self, cookies: Iterable[Cookie]) -> str | None:
        """The token in the cookies, if there is exactly one."""
        values = [value for name, value in cookies if name == self.cookie]
        return values[0] if len(values) == 1 else None

    def _is_of(self, session: str, token: str) -> bool:
        if not _SHAPE.fullmatch(token):
            return False
        nonce, _, signature = token.partition(".")
        return any(
            hmac.compare_digest(signature.encode(), self._signature(key, nonce, session).encode()) for key in self._keys
        )

    def _signature(self, key: bytes, nonce: str, session: str) -> str:
        return _text(hmac.digest(key, f"{nonce}.{session}".encode("utf-8", "surrogatepass"), "sha256"))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
