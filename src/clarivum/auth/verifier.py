"""The one place where a token becomes a principal."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from clarivum.auth.bearer import bearer_token
from clarivum.auth.claims import MAX_TIME, check_claims, issuer_of
from clarivum.auth.compact import read_claims, read_compact
from clarivum.auth.fetch import fetch_document
from clarivum.auth.instruments import ROLES_DROPPED, TOKENS, log
from clarivum.auth.issuer_keys import Fetch, IssuerKeys
from clarivum.auth.policy import CLOCK_SKEW_S, MAX_TOKEN_BYTES, Issuer, TokenPolicy, issuers_of
from clarivum.auth.principal import ANONYMOUS_PRINCIPAL, Principal, principal_from
from clarivum.auth.refusal import Reason, TokenRefusedError
from clarivum.auth.revocation import Revocations
from clarivum.auth.roles import parse_role_map
from clarivum.auth.verified import DEFAULT_CAPACITY, Verified, VerifiedTokens
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import UNAVAILABLE, ConfigurationError, RequestError
from clarivum.settings import Settings


class TokenVerifier:
    """Verifies access tokens of the configured issuers. For one event loop.

    `issuers` replaces those that the settings name. `fetch` gets a
    key set's URL and returns its bytes. `revocations` knows whose tokens ended before their time.
    `capacity` bounds the verified-token cache, about 1.3 kB an entry.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        fetch: Fetch = fetch_document,
        *,
        issuers: Sequence[Issuer] = (),
        policy: TokenPolicy | None = None,
        capacity: int = DEFAULT_CAPACITY,
        revocations: Revocations | None = None,
    ) -> None:
        self._clock = clock
        self._policy = policy or TokenPolicy()
        self._roles_claim = settings.roles_claim
        self._amr_claim = settings.amr_claim
        self._role_map = parse_role_map(settings.role_map)
        self._audience = settings.auth0_audience
        configured = tuple(issuers) or issuers_of(settings)
        self._issuers = {issuer.url: issuer for issuer in configured}
        if len(self._issuers) != len(configured):
            raise ConfigurationError("an issuer is configured twice")
        self._keys = {
            issuer.url: IssuerKeys(issuer, self._policy, clock, fetch, self._keys_fetched) for issuer in configured
        }
        self._refresh_at = min(keys.refresh_at for keys in self._keys.values())
        self._verified = VerifiedTokens(capacity)
        self.revocations = revocations
        self.seen: Callable[[Principal], None] | None = None
        """Told of every token that is verified and not found in the cache."""

    def cached(self, token: str) -> Principal | None:
        """The principal of a token verified before, or None: then `verify` decides. The hot path: no I/O, no await."""
        if self._clock.monotonic() >= self._refresh_at:
            return None
        principal = self._verified.find(token, self._clock.now())
        if principal is not None and self.revocations is not None and self._ended(principal) is not False:
            return None
        return principal

    async def verify(self, token: str) -> Principal:
        """The principal of a token.

        Raises TokenRefusedError (401 `invalid_token`, the reason in `.log` only) whatever is wrong with the token, and
        RequestError `unavailable` (503) while no key set of its issuer could be fetched since the start.
        """
        try:
            principal = await self._verify(token)
        except TokenRefusedError as refused:
            TOKENS.add(1, refused.reason.value)
            raise
        except RequestError:
            raise
        except Exception as error:  # parsers and cryptography raise what they like; none of it is the caller's to see
            log.warning("token verification failed unexpectedly", error=type(error).__name__)
            TOKENS.add(1, Reason.UNEXPECTED.value)
            raise TokenRefusedError(Reason.UNEXPECTED, type(error).__name__) from None
        return principal

    async def authenticate(self, headers: Iterable[tuple[bytes, bytes]]) -> Principal:
        """The caller of a request, by its ASGI headers; the anonymous one when it carries no bearer token.

        Raises what `bearer_token` and `verify` raise.
        """
        token = bearer_token(headers)
        if token is None:
            return ANONYMOUS_PRINCIPAL
        return self.cached(token) or await self.verify(token)

    async def signed_claims(self, token: str, issuer: str) -> tuple[str, dict[str, Any]]:
        """The algorithm and the claims of a JWT that `issuer` signed, such as an ID token; what they say is unchecked.

        Raises what `verify` raises.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefusedError(Reason.TOO_LARGE, f"more than {MAX_TOKEN_BYTES} characters")
        compact = read_compact(token, audience=self._audience)
        if compact.algorithm not in self._policy.algorithms:
            raise TokenRefusedError(Reason.ALGORITHM, "alg is not allowed")
        keys = self._keys.get(issuer)
        if keys is None:
            raise TokenRefusedError(Reason.ISSUER, "its issuer is no configured one")
        key = await keys.find(compact.key_id)
        if key is None:
            raise _no_key(keys)
        if not key.verifies(compact.algorithm, compact.signing_input, compact.signature):
            raise TokenRefusedError(Reason.SIGNATURE, "the signature is not the key's, or the key is not for this alg")
        return compact.algorithm, read_claims(compact.payload)

    async def warm(self) -> None:
        """Fetch every issuer's keys, at start-up, so that no request waits for them. Never raises."""
        await asyncio.gather(*(keys.refresh() for keys in self._keys.values()))

    async def close(self) -> None:
        """Stop what runs in the background."""
        for keys in self._keys.values():
            await keys.close()

    async def _verify(self, token: str) -> Principal:
        if len(token) > MAX_TOKEN_BYTES:
            raise TokenRefusedError(Reason.TOO_LARGE, f"more than {MAX_TOKEN_BYTES} characters")
        self._start_due_refreshes()
        now = self._clock.now()
        known = self._verified.find(token, now)
        if known is not None:
            await self._refuse_revoked(known)
            return known
        compact = read_compact(token, audience=self._audience)
        if compact.algorithm not in self._policy.algorithms:
            raise TokenRefusedError(Reason.ALGORITHM, "alg is not allowed")
        # Claims first: a token that is expired or meant for somebody else never makes us look for a key.
        claims = read_claims(compact.payload)
        issuer = issuer_of(claims, self._issuers)
        check_claims(claims, issuer, now.timestamp())
        keys = self._keys[issuer.url]
        key = await keys.find(compact.key_id)
        if key is None:
            raise _no_key(keys)
        # No await from here on: a key cannot be withdrawn between the check and the entry in the cache.
        if not key.verifies(compact.algorithm, compact.signing_input, compact.signature):
            raise TokenRefusedError(Reason.SIGNATURE, "the signature is not the key's, or the key is not for this alg")
        principal, dropped = principal_from(
            claims, roles_claim=self._roles_claim, amr_claim=self._amr_claim, role_map=self._role_map
        )
        if dropped:
            ROLES_DROPPED.add(dropped)
        until = datetime.fromtimestamp(min(claims["exp"] + CLOCK_SKEW_S, MAX_TIME - 1), UTC)
        self._verified.remember(token, Verified(principal, issuer.url, key, until))
        await self._refuse_revoked(principal)
        TOKENS.add(1, "accepted")
        if self.seen is not None:
            self.seen(principal)
        return principal

    def _ended(self, principal: Principal) -> bool | None:
        assert self.revocations is not None
        assert principal.subject is not None
        return self.revocations.verdict("subject", principal.subject, principal.issued_at)

    async def _refuse_revoked(self, principal: Principal) -> None:
        if self.revocations is None or (ended := self._ended(principal)) is False:
            return
        assert principal.subject is not None
        if ended or await self.revocations.is_revoked("subject", principal.subject, principal.issued_at):
            raise TokenRefusedError(Reason.REVOKED, "its subject signed out everywhere after it was issued")

    def _start_due_refreshes(self) -> None:
        """Refresh aging key sets in the background; meanwhile the keys at hand go on."""
        if (now := self._clock.monotonic()) >= self._refresh_at:
            for keys in self._keys.values():
                if now >= keys.refresh_at:
                    keys.start_refresh()
            self._refresh_at = min(keys.refresh_at for keys in self._keys.values())

    def _keys_fetched(self) -> None:
        """After a fetch: what was verified with a key that is gone is forgotten."""
        self._refresh_at = min(keys.refresh_at for keys in self._keys.values())
        self._verified.forget(
            lambda entry: self._keys[entry.issuer].keys.get(entry.key.key_id) is not entry.key  # same key, same object
        )


def _no_key(keys: IssuerKeys) -> RequestError:
    if keys.keys:
        return TokenRefusedError(Reason.UNKNOWN_KEY, "kid names no key of the issuer")
    return RequestError(
        "Tokens cannot be verified yet: the issuer's keys could not be fetched.",
        code=UNAVAILABLE,
        retry_after_s=keys.retry_after_s(),
        log=f"no key set of {keys.issuer.url} so far",
    )
