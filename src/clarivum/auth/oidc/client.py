"""The OpenID Connect client: authorization code with PKCE (RFC 6749, 7636; OpenID Connect Core 1.0), by Authlib."""

import asyncio
import math
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from clarivum.auth.fetch import FetchError, fetch_document
from clarivum.auth.instruments import log
from clarivum.auth.issuer_keys import Fetch
from clarivum.auth.oidc.attempt import LoginAttempt
from clarivum.auth.oidc.exchange import Answer, ExchangeError, Post, post_form
from clarivum.auth.oidc.provider import Provider, discovery_url, is_auth0, read_provider
from clarivum.auth.oidc.tokens import GrantFailedError, TokenSet, read_tokens
from clarivum.auth.principal import MULTI_FACTOR
from clarivum.clock import Clock
from clarivum.errors import UNAVAILABLE, RequestError

SCOPE = "openid profile email offline_access"
PROVIDER_AGE_S = 600.0
RETRY_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Registration:
    """How we are known to the issuer. `audience` is the API that access tokens are for."""

    issuer: str
    client_id: str
    client_secret: str
    redirect_uri: str
    audience: str


class OpenIdClient:
    """Talks to one issuer for one registered client. For one event loop."""

    def __init__(
        self, registration: Registration, clock: Clock, fetch: Fetch = fetch_document, post: Post = post_form
    ) -> None:
        self.registration = registration
        self._clock = clock
        self._fetch = fetch
        self._post = post
        self._provider: Provider | None = None
        self._stale_at = -math.inf
        self._reading = asyncio.Lock()

    async def provider(self) -> Provider:
        """The issuer's metadata: read when first needed and every ten minutes; an old one goes on when that fails.

        Raises RequestError `unavailable` (503) while none could be read.
        """
        if self._provider is not None and self._clock.monotonic() < self._stale_at:
            return self._provider
        async with self._reading:
            if self._clock.monotonic() >= self._stale_at:
                await self._read_provider()
        if self._provider is None:
            raise _unavailable("the issuer's metadata could not be read")
        return self._provider

    async def authorization_url(self, attempt: LoginAttempt) -> str:
        """Where to send the browser. Raises RequestError `unavailable`."""
        provider, ours = await self.provider(), self.registration
        url: str = prepare_grant_uri(
            provider.authorization_endpoint,
            client_id=ours.client_id,
            response_type="code",
            redirect_uri=ours.redirect_uri,
            scope=SCOPE,
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
            audience=ours.audience,  # Auth0's name
            resource=self._resource(),  # RFC 8707
            acr_values=MULTI_FACTOR if attempt.mfa else None,
            prompt="login" if attempt.mfa else None,
        )
        return url

    async def redeem(self, code: str, attempt: LoginAttempt) -> TokenSet:
        """The tokens for a code.

        Raises GrantRefusedError for a code that is not taken, RequestError `unavailable` for everything else.
        """
        return await self._grant(
            "authorization_code",
            code=code,
            redirect_uri=self.registration.redirect_uri,
            code_verifier=attempt.verifier,
            resource=self._resource(),
        )

    async def refresh(self, refresh_token: str) -> TokenSet:
        """New tokens for a refresh token, which is spent then. Raises as `redeem` does."""
        return await self._grant("refresh_token", refresh_token=refresh_token, resource=self._resource())

    async def revoke(self, refresh_token: str) -> bool:
        """Tell the issuer that a refresh token is not needed any more (RFC 7009).

        False when it could not be told, or did not say that it revoked it.
        """
        try:
            provider = await self.provider()
            if provider.revocation_endpoint is None:
                return False
            body = urlencode({"token": refresh_token, "token_type_hint": "refresh_token"})
            answer = await self._authenticated(provider, provider.revocation_endpoint, body)
        except (ExchangeError, RequestError):
            return False
        return answer.status == HTTPStatus.OK

    async def logout_url(self, return_url: str) -> str:
        """Where the browser ends its session with the issuer (RP-Initiated Logout 1.0; Auth0's own way without it).

        It comes back to `return_url`, which must be registered there. Without either, `return_url` itself.
        """
        try:
            provider = await self.provider()
        except RequestError:
            return return_url
        client_id = self.registration.client_id
        if provider.end_session_endpoint is not None:
            query = urlencode({"client_id": client_id, "post_logout_redirect_uri": return_url})
            separator = "&" if urlsplit(provider.end_session_endpoint).query else "?"
            return f"{provider.end_session_endpoint}{separator}{query}"
        if is_auth0(provider.issuer):
            return f"{provider.issuer}v2/logout?{urlencode({'client_id': client_id, 'returnTo': return_url})}"
        return return_url

    def _resource(self) -> str | None:
        return None if is_auth0(self.registration.issuer) else self.registration.audience

    async def _grant(self, grant_type: str, **parameters: Any) -> TokenSet:
        provider = await self.provider()
        redirect_uri = parameters.pop("redirect_uri", None)
        body: str = prepare_token_request(grant_type, redirect_uri=redirect_uri, **parameters)
        try:
            return read_tokens(await self._authenticated(provider, provider.token_endpoint, body))
        except (ExchangeError, GrantFailedError) as error:
            raise _unavailable(f"{grant_type}: {error}") from None

    async def _authenticated(self, provider: Provider, url: str, body: str) -> Answer:
        ours = self.registration
        proof = ClientAuth(ours.client_id, ours.client_secret, provider.client_authentication)
        headers: dict[str, str] = {}
        url, headers, body = proof.prepare("POST", url, headers, body)
        return await self._post(url, headers, body)

    async def _read_provider(self) -> None:
        issuer = self.registration.issuer
        try:
            self._provider = read_provider(await self._fetch(discovery_url(issuer)), issuer)
            self._stale_at = self._clock.monotonic() + PROVIDER_AGE_S
        except (FetchError, ValueError) as error:
            self._stale_at = self._clock.monotonic() + RETRY_AFTER_S
            log.warning("issuer metadata not read", issuer=issuer, why=str(error))


def _unavailable(why: str) -> RequestError:
    return RequestError(
        "Signing in is not possible right now: the identity provider does not answer as it should.",
        code=UNAVAILABLE,
        retry_after_s=RETRY_AFTER_S,
        log=why,
    )
