"""Session cookies in and out: the one place where a cookie becomes a SessionToken."""

import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any
from uuid import uuid4

from clarivum.auth.cookies.chunks import find_session, session_cookies_in, session_names, split
from clarivum.auth.cookies.envelope import Envelope
from clarivum.auth.cookies.header import Cookie, set_cookie
from clarivum.auth.cookies.refusal import SessionRefusedError
from clarivum.auth.cookies.token import ACCESS_TOKEN_CLAIMS, SessionToken, session_token
from clarivum.auth.instruments import SESSIONS
from clarivum.auth.policy import CLOCK_SKEW_S
from clarivum.errors import ConfigurationError

DEFAULT_CAPACITY = 2_000
MAX_WRITTEN_CHARACTERS = 11_808
"""Three chunks: a request's head has room for 16 KiB, and the session is not alone in it."""
_RESERVED = frozenset({"iat", "exp", "jti"})


class SessionCookies:
    """Reads session cookies of Auth.js v5 and NextAuth v4, and writes those of v5. For one event loop, not for threads.

    `secrets` are the values of AUTH_SECRET, the newest first: all open, the first seals. `secure` is for a site under
    TLS: cookies are written as `__Secure-…`, and others are not looked at. `access_token_claims` are where a session
    may keep its access token. `capacity` bounds the sessions kept open, each as large as its claims (2 to 8 kB).
    Raises ConfigurationError without a secret.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        secure: bool,
        access_token_claims: Sequence[str] = ACCESS_TOKEN_CLAIMS,
        capacity: int = DEFAULT_CAPACITY,
    ) -> None:
        if not secrets or not all(secrets):
            raise ConfigurationError("AUTH_SECRET is missing: session cookies are sealed with it")
        self._secure = secure
        self._access_token_claims = tuple(access_token_claims)
        self._names = session_names(secure=secure)
        self._envelopes = {name.name: Envelope(name, secrets) for name in self._names}
        self._written = "__Secure-authjs.session-token" if secure else "authjs.session-token"
        self._open: OrderedDict[bytes, SessionToken] = OrderedDict()
        self._capacity = capacity

    def read(self, pairs: Iterable[Cookie], now: float) -> SessionToken | None:
        """The session among a request's cookies; None when there is none. `now` in seconds since the epoch.

        Raises SessionRefusedError (401 `invalid_session`, the reason in `.log` only).
        """
        try:
            found = find_session(pairs, self._names)
            if found is None:
                return None
            name, value = found
            digest = blake2b(f"{name.name}={value}".encode("utf-8", "surrogatepass"), digest_size=32).digest()
            session = self._open.get(digest)
            if session is not None and now < session.expires_at + CLOCK_SKEW_S:
                self._open.move_to_end(digest)
                return session
            claims = self._envelopes[name.name].open(value)
            session = session_token(claims, name, now, self._access_token_claims)
        except SessionRefusedError as refused:
            SESSIONS.add(1, refused.reason.value)
            raise
        SESSIONS.add(1, "opened")
        self._remember(digest, session)
        return session

    def write(self, claims: Mapping[str, Any], *, now: float, max_age_s: int, present: Sequence[str] = ()) -> list[str]:
        """The Set-Cookie values of a session in Auth.js v5 format, for `max_age_s` seconds from `now`.

        `claims` get `iat`, `exp` and `jti` as Auth.js gives them, in place of their own. `present` are the names of the
        request's cookies: what is left of another session among them is deleted. Raises ValueError for claims that are
        no JSON or too large.
        """
        issued_at = int(now)
        content = {name: value for name, value in claims.items() if name not in _RESERVED}
        content |= {"iat": issued_at, "exp": issued_at + max_age_s, "jti": str(uuid4())}
        payload = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
        value = self._envelopes[self._written].seal(payload)
        if len(value) > MAX_WRITTEN_CHARACTERS:
            raise ValueError(f"a session of {len(value)} characters is larger than {MAX_WRITTEN_CHARACTERS}")
        cookies = split(self._written, value)
        written = {name for name, _ in cookies}
        return [
            *self.clear([name for name in present if name not in written]),
            *(set_cookie(name, part, max_age_s=max_age_s, secure=self._secure) for name, part in cookies),
        ]

    def clear(self, present: Sequence[str]) -> list[str]:
        """The Set-Cookie values that delete every session cookie among `present`, of both formats and any prefix."""
        return [
            set_cookie(name, "", max_age_s=0, secure=self._secure or name.startswith("__"))
            for name in session_cookies_in(present)
        ]

    def _remember(self, digest: bytes, session: SessionToken) -> None:
        self._open[digest] = session
        if len(self._open) > self._capacity:
            self._open.popitem(last=False)
