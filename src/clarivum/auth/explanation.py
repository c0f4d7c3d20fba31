"""Why a token is accepted or not, step by step, for the person who holds it.

The steps are the verifier's own checks, in its order; where one fails, those that do not depend on it are made all the
same, so that everything wrong is told at once. The verdict is the verifier's. Shown of a token are its header, issuer,
audience, subject, times and roles, as text that cannot act on a terminal; never the token, an address or another claim.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.auth.claims import check_audience, check_kind, check_subject, check_times, issuer_of
from clarivum.auth.compact import CompactToken, read_claims, read_compact
from clarivum.auth.fetch import FetchError
from clarivum.auth.issuer_keys import Fetch
from clarivum.auth.keys import VerificationKey, read_key_set
from clarivum.auth.policy import MAX_TOKEN_BYTES, Issuer, TokenPolicy, issuers_of
from clarivum.auth.principal import Principal, email_claim
from clarivum.auth.refusal import REFUSED, Reason, TokenRefusedError
from clarivum.auth.revocation import Revocations
from clarivum.auth.roles import parse_role_map
from clarivum.auth.shown import MAX_LISTED, alike, shown, shown_times
from clarivum.auth.verifier import TokenVerifier
from clarivum.clock import Clock
from clarivum.errors import RequestError
from clarivum.settings import Settings


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was looked at. `passed` is None for what only informs; `reason` is the refusal's, if any."""

    name: str
    passed: bool | None
    detail: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class TokenExplanation:
    """All steps, and the principal when the verifier accepted the token."""

    steps: tuple[Step, ...]
    principal: Principal | None


async def explain_token(
    token: str, settings: Settings, fetch: Fetch, clock: Clock, revocations: Revocations | None = None
) -> TokenExplanation:
    """Look at a token as the API would. `fetch` gets a key set's URL; nothing else is asked, but for `revocations`.

    Without those, or when they cannot be read, a step says so, and the verdict is without them.
    """
    examination = _Examination(token, settings, fetch, clock, revocations)
    await examination.run()
    verifier = TokenVerifier(settings, clock, fetch, revocations=examination.revocations)
    principal: Principal | None = None
    try:
        principal = await verifier.verify(token)
        examination.note("verdict", True, "the verifier accepts the token")
    except TokenRefusedError as refused:
        examination.note("verdict", False, f"the verifier refuses the token: {refused.log}", refused.reason)
    except RequestError as error:
        examination.note("verdict", False, error.log or error.detail)
    finally:
        await verifier.close()
    return TokenExplanation(tuple(examination.steps), principal)


class _Examination:
    """The steps of one token."""

    def __init__(
        self, token: str, settings: Settings, fetch: Fetch, clock: Clock, revocations: Revocations | None
    ) -> None:
        self.steps: list[Step] = []
        self.revocations = revocations
        """Those that answered, once `run` is over."""
        self._token = token
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._policy = TokenPolicy()

    def note(self, name: str, passed: bool | None, detail: str, reason: Reason | None = None) -> None:
        self.steps.append(Step(name, passed, detail, reason))

    async def run(self) -> None:
        compact = self._shape()
        if compact is None:
            return
        self._algorithm(compact)
        try:
            claims = read_claims(compact.payload)
        except TokenRefusedError as refused:
            self.note("claims", False, _why(refused), refused.reason)
            return
        issuer = self._issuer(claims)
        self._claims(claims, issuer)
        if issuer is not None:
            await self._signature(compact, issuer)
        self._roles(claims)
        self._email(claims)
        await self._revocation(claims)

    def _shape(self) -> CompactToken | None:
        length = f"{len(self._token)} characters"
        if len(self._token) > MAX_TOKEN_BYTES:
            self.note("shape", False, f"{length}, at most {MAX_TOKEN_BYTES} are read", Reason.TOO_LARGE)
            return None
        try:
            compact = read_compact(self._token, audience=self._settings.auth0_audience)
        except TokenRefusedError as refused:
            # Only an opaque token's text is for the caller: it says which audience to ask for.
            told = refused.detail if refused.detail != REFUSED else f"{_why(refused)} ({length})"
            self.note("shape", False, told, refused.reason)
            return None
        self.note("shape", True, f"a signed JWT of {length}, key {shown(compact.key_id)}")
        return compact

    def _algorithm(self, compact: CompactToken) -> None:
        allowed = ", ".join(self._policy.algorithms)
        if compact.algorithm in self._policy.algorithms:
            self.note("algorithm", True, f"{compact.algorithm} is allowed")
            return
        hint = "; set the API in Auth0 to RS256" if compact.algorithm.startswith("HS") else ""
        told = f"{shown(compact.algorithm)} is not allowed, only {allowed}{hint}"
        self.note("algorithm", False, told, Reason.ALGORITHM)

    def _issuer(self, claims: Mapping[str, Any]) -> Issuer | None:
        issuers = {issuer.url: issuer for issuer in issuers_of(self._settings)}
        try:
            issuer = issuer_of(claims, issuers)
        except TokenRefusedError as refused:
            given, known = shown(claims.get("iss")), ", ".join(issuers)
            near = [url for url in issuers if isinstance(claims.get("iss"), str) and alike(url, claims["iss"])]
            hint = f"; it differs from {near[0]} only in scheme, case or final slash" if near else ""
            self.note("issuer", False, f"iss is {given}; configured: {known}{hint}", refused.reason)
            return None
        self.note("issuer", True, f"{issuer.url} is configured")
        return issuer

    def _claims(self, claims: Mapping[str, Any], issuer: Issuer | None) -> None:
        audience = issuer.audience if issuer is not None else self._settings.auth0_audience
        given = shown(claims.get("aud"))
        self._check(
            "audience",
            lambda: check_audience(claims.get("aud"), audience),
            f"names {audience}",
            f"aud is {given}; this API is {audience}: ask the issuer for it with audience={audience}",
        )
        self._check("kind", lambda: check_kind(claims), "an access token")
        self._check("subject", lambda: check_subject(claims.get("sub")), shown(claims.get("sub")))
        now = self._clock.now().timestamp()
        self._check("times", lambda: check_times(claims, now), shown_times(claims, now))

    def _check(self, name: str, check: Callable[[], None], passed: str, failed: str = "") -> None:
        try:
            check()
        except TokenRefusedError as refused:
            self.note(name, False, failed or _why(refused), refused.reason)
        else:
            self.note(name, True, passed)

    async def _signature(self, compact: CompactToken, issuer: Issuer) -> None:
        try:
            reading = read_key_set(await self._fetch(issuer.keys_url), self._policy)
        except (FetchError, ValueError) as error:
            self.note("keys", False, f"{issuer.keys_url}: {error}")
            return
        refused = f"; not used: {'; '.join(reading.refused)}" if reading.refused else ""
        key: VerificationKey | None = reading.keys.get(compact.key_id)
        if key is None:
            known = ", ".join(shown(name) for name in list(reading.keys)[:MAX_LISTED])
            told = f"the token names {shown(compact.key_id)}; {issuer.keys_url} has {known}{refused}"
            self.note("key", False, told, Reason.UNKNOWN_KEY)
            return
        self.note("key", True, f"{shown(compact.key_id)} is among {len(reading.keys)} at {issuer.keys_url}{refused}")
        if key.verifies(compact.algorithm, compact.signing_input, compact.signature):
            self.note("signature", True, "made with that key over this very token")
        else:
            told = "is not that key's, or the key is for another algorithm: the token was changed, or forged"
            self.note("signature", False, told, Reason.SIGNATURE)

    def _roles(self, claims: Mapping[str, Any]) -> None:
        name, role_map = self._settings.roles_claim, parse_role_map(self._settings.role_map)
        claim = claims.get(name)
        if claim is None:
            others = [other for other in claims if "roles" in other.lower()]
            hint = f"; the token has {', '.join(map(shown, others[:MAX_LISTED]))}" if others else ""
            fix = "add them under that name in a post-login Action (Auth0 drops names without a namespace)"
            self.note("roles", None, f"none: there is no claim {name}{hint}; {fix}, or set CLARIVUM_ROLES_CLAIM")
            return
        if not isinstance(claim, list):
            self.note("roles", None, f"none: {name} is no array of strings")
            return
        kept = sorted({role_map[entry] for entry in claim if isinstance(entry, str) and entry in role_map})
        dropped = [entry for entry in claim if not isinstance(entry, str) or entry not in role_map]
        told = ", ".join(kept) or "none"
        if dropped:
            listed = ", ".join(map(shown, dropped[:MAX_LISTED]))
            told += f"; dropped, because they are none of ours and CLARIVUM_ROLE_MAP does not name them: {listed}"
        self.note("roles", None, told)

    def _email(self, claims: Mapping[str, Any]) -> None:
        name = email_claim(claims, self._settings.roles_claim)
        if name is None:
            told = "none in the token"
        elif claims.get(f"{name}_verified") is True:
            told = f"in {shown(name)}, verified"
        else:
            told = f"not used: {shown(name)} counts only beside {shown(name)}_verified: true"
        self.note("e-mail", None, told)

    async def _revocation(self, claims: Mapping[str, Any]) -> None:
        subject, issued_at = claims.get("sub"), claims.get("iat", 0)
        if not isinstance(subject, str) or type(issued_at) is not int:
            return
        try:
            ended = await self.revocations.is_revoked("subject", subject, issued_at) if self.revocations else None
        except RequestError:
            ended = self.revocations = None
        if ended is None:
            self.note("revocation", None, "not looked at: no database is configured, or it does not answer")
        elif ended:
            told = "its subject signed out everywhere, or was signed out, after it was issued"
            self.note("revocation", False, told, Reason.REVOKED)
        else:
            self.note("revocation", True, "nothing that its subject held then was ended since")


def _why(refused: TokenRefusedError) -> str:
    """What broke which rule, without the kind in front."""
    return (refused.log or "").partition(": ")[2]
