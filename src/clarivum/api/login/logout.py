"""POST /auth/logout: ends every session of the caller, everywhere. GET answers a page that asks first."""

import secrets
from contextlib import suppress

import orjson

from clarivum.api.credentials import SessionCredentials
from clarivum.api.login.parts import Parts
from clarivum.api.login.serving import Visit
from clarivum.api.response import JSON_HEAD, SECURITY, Response, header_lines
from clarivum.auth import ANONYMOUS_PRINCIPAL
from clarivum.auth.cookies import SessionRefusedError

PATH = "/auth/logout"

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
    if (answer.ok) { location.assign(said.location); } else { outcome.textContent = said.detail; }
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
    """Answers where the browser goes next to end its session with the issuer as well: `{"location": …}`."""

    def __init__(self, parts: Parts, credentials: SessionCredentials, base_url: str) -> None:
        self._parts = parts
        self._credentials = credentials
        self._base_url = base_url

    async def __call__(self, visit: Visit, set_cookies: list[str]) -> Response:
        """A session that is not good any more is only deleted here: it has nothing left to end."""
        self._credentials.check_origin(visit.headers)
        with suppress(SessionRefusedError):
            await self._end(visit)
        set_cookies.extend(self._parts.cookies.clear(visit.cookie_names))
        location = await self._parts.client.logout_url(f"{self._base_url}/")
        return Response(200, JSON_HEAD, orjson.dumps({"location": location}))

    async def _end(self, visit: Visit) -> None:
        """End what was issued to the session's person, and drop its refresh token at the issuer."""
        session = self._parts.cookies.read(visit.cookies, self._parts.now())
        if session is None:
            return
        principal = await self._credentials.admit("POST", visit.headers, ANONYMOUS_PRINCIPAL, [])
        if principal.subject is not None:
            await self._parts.revocations.revoke_subject(principal.subject, "logout")
        refresh_token = session.claims.get("refresh_token")
        if isinstance(refresh_token, str):
            await self._parts.client.revoke(refresh_token)
