"""POST /auth/logout: ends every session of the caller, everywhere. GET answers a page that asks first."""

import secrets
from typing import Literal

import orjson

from clarivum.api.credentials import SessionCredentials
from clarivum.api.login.parts import Parts
from clarivum.api.login.serving import Visit
from clarivum.api.login.session import sealed_subject
from clarivum.api.response import JSON_HEAD, SECURITY, Response, header_lines
from clarivum.auth import ANONYMOUS_PRINCIPAL
from clarivum.auth.cookies import SessionRefusedError, SessionToken
from clarivum.auth.instruments import log
from clarivum.errors import CSRF_FAILED, RequestError

Ended = Literal["everywhere", "this_browser"]
ONLY_HERE = "This browser is signed out. Other sessions could not be ended: sign in and out again a little later."

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign out</title>
<main>
<h1>Sign out</h1>
<p>This ends your sessions in every browser.</p>
<button id="sign-out">Sign out everywhere</button>
<p id="outcome" role="status"></p>
</main>
<script nonce="%(nonce)s">
document.getElementById("sign-out").addEventListener("click", async () => {
  const outcome = document.getElementById("outcome");
  try {
    const asked = await fetch("/auth/csrf");
    const token = asked.ok ? (await asked.json()).csrf_token : "";
    const answer = await fetch("/auth/logout", {method: "POST", headers: {"x-csrf-token": token}});
    const said = await answer.json();
    if (!answer.ok) { outcome.textContent = said.detail; }
    else if (said.ended === "everywhere") { location.assign(said.location); }
    else {
      outcome.textContent = "This browser is signed out. Its session was over: to end others, sign in and out again. ";
      const onward = document.createElement("a");
      onward.href = said.location;
      onward.textContent = "Continue";
      outcome.append(onward);
    }
  } catch (error) {
    outcome.textContent = "The server does not answer. Try again.";
  }
});
</script>
</html>
"""


async def sign_out_page(visit: Visit, set_cookies: list[str]) -> Response:
    """A button. A link to this page changes nothing by itself."""
    nonce = secrets.token_urlsafe(16)
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    head = header_lines(
        {"content-type": "text/html; charset=utf-8", "cache-control": "no-store", "content-security-policy": policy}
    )
    return Response(200, SECURITY + head, (_PAGE % {"nonce": nonce}).encode())


class Logout:
    """Answers `{"location": …, "ended": …}`: where the browser goes next to end its session with the issuer as well,
    and how much was ended: `everywhere`, or `this_browser` alone where nothing proves any more whose the session is.

    The browser's cookie goes in either case, and when the database does not answer: then the answer is the failure.
    """

    def __init__(self, parts: Parts, credentials: SessionCredentials, base_url: str) -> None:
        self._parts = parts
        self._credentials = credentials
        self._base_url = base_url

    async def __call__(self, visit: Visit, set_cookies: list[str]) -> Response:
        """Raises RequestError: `csrf_failed` (403), else, like `unavailable` (503), when only the cookie could go."""
        self._credentials.check_origin(visit.headers)
        session: SessionToken | None = None
        ended: Ended = "this_browser"
        try:
            session = self._parts.cookies.read(visit.cookies, self._parts.now())
            if session is not None:
                subject = await self._subject(visit, session)
                await self._parts.revocations.revoke_subject(subject, "logout")
                ended = "everywhere"
        except SessionRefusedError:
            pass
        except RequestError as error:
            if error.code is CSRF_FAILED:  # nobody asked for it
                raise
            set_cookies.extend(self._parts.cookies.clear(visit.cookie_names))
            raise RequestError(ONLY_HERE, code=error.code, retry_after_s=error.retry_after_s, log=error.log) from None
        set_cookies.extend(self._parts.cookies.clear(visit.cookie_names))
        if session is not None:
            await self._drop_refresh_token(session)
        location = await self._parts.client.logout_url(f"{self._base_url}/")
        return Response(200, JSON_HEAD, orjson.dumps({"location": location, "ended": ended}))

    async def _subject(self, visit: Visit, session: SessionToken) -> str:
        """Whose session it is: by its seal, where our own login began it, else by the access token inside.

        Nothing is renewed: what would come back would be thrown away. Raises SessionRefusedError for a session that was
        ended before or whose token is not good, RequestError `csrf_failed` and `unavailable`.
        """
        subject = sealed_subject(session)
        if subject is None:
            principal = await self._credentials.admit("POST", visit.headers, ANONYMOUS_PRINCIPAL)
            assert principal.subject is not None, "there is a session"
            return principal.subject
        await self._credentials.refuse_ended(session)
        self._credentials.check_token(visit.headers, visit.cookies, session, subject)
        return subject

    async def _drop_refresh_token(self, session: SessionToken) -> None:
        """Tell the issuer; when it does not listen, the log: whoever copied the cookie holds the token too."""
        refresh_token = session.claims.get("refresh_token")
        if isinstance(refresh_token, str) and not await self._parts.client.revoke(refresh_token):
            log.warning("refresh token not revoked at the issuer after signing out")
