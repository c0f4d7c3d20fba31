"""What `doctor` asks of each issuer: its metadata, its keys, and what it makes of a token."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

from clarivum.auth.explanation import explain_token
from clarivum.auth.fetch import FetchError
from clarivum.auth.policy import Issuer, TokenPolicy, issuers_of
from clarivum.auth.roles import parse_role_map
from clarivum.auth.setup_mistakes import Mistake, in_clock, in_keys, in_metadata, in_names, in_settings
from clarivum.cli.dependency import Dependency, Probe, State
from clarivum.cli.place import Running
from clarivum.clock import SYSTEM_CLOCK
from clarivum.settings import Settings

HTTP_TIMEOUT_S = 2.5
MAX_DOCUMENT_BYTES = 262_144
METADATA_PATH = ".well-known/openid-configuration"
NO_STAND_IN = "AUTH0_DOMAIN is not set; ./clarivum up starts the stand-in"


@dataclass(frozen=True, slots=True)
class Document:
    """What an issuer answered: the body, the Date header, and when it came, by our clock."""

    body: bytes
    date: str | None
    received_at: float


def issuer_probes(settings: Settings, running: Running | None) -> Iterator[tuple[str, str, Probe]]:
    """Name, address and probe, two for each issuer. A stand-in is asked where it runs; when it does not, it is off.

    Raises ConfigurationError for issuers or a role map that cannot be used.
    """
    parse_role_map(settings.role_map)
    issuers = issuers_of(settings)
    tenant_keys_url = ""
    for number, issuer in enumerate(issuers):
        name = "issuer" if number == 0 else f"issuer {urlsplit(issuer.url).netloc}"
        at = issuer
        if number == 0 and settings.uses_stand_in:
            if running is None or running.identity_url is None:
                yield "issuer keys", issuer.url, lambda: Dependency("issuer keys", State.OFF, NO_STAND_IN)
                continue
            at = Issuer(running.identity_url, issuer.audience)
        if number == 0:
            tenant_keys_url = at.keys_url
        fix = _unreachable(settings, number)
        yield name, at.url, _metadata_probe(name, at, fix)
        yield f"{name} keys", at.keys_url, _keys_probe(f"{name} keys", at, fix, tenant_keys_url)


def _unreachable(settings: Settings, number: int) -> str:
    if number > 0:
        return "check CLARIVUM_ADDITIONAL_ISSUERS, and that HTTPS gets out"
    return "start ./clarivum up again" if settings.uses_stand_in else "check AUTH0_DOMAIN, and that HTTPS gets out"


def settings_probe(settings: Settings) -> Dependency | None:
    """What is wrong with the settings themselves, or left to a default that may not be meant; None when nothing is."""
    wrong = _judged("sign-in settings", list(in_settings(settings)), "")
    if wrong is None and settings.auth0_domain is not None and "auth0_audience" not in settings.model_fields_set:
        told = f"AUTH0_AUDIENCE is not set: tokens must name {settings.auth0_audience}"
        return Dependency("sign-in settings", State.OK, told, "set it to the identifier of the API in Auth0")
    return wrong


def token_probe(token: str, settings: Settings) -> Dependency:
    """What the configured issuers make of a token."""
    explained = asyncio.run(explain_token(token, settings, _fetch_keys, SYSTEM_CLOCK))
    failed = [step for step in explained.steps if step.passed is False]
    told = {step.name: step.detail for step in explained.steps}
    roles = told.get("roles", "")
    if failed:
        why = "; ".join(f"{step.name}: {step.detail}" for step in failed[:-1] or failed)
        fix = "./clarivum access explain --token FILE tells every step"
        return Dependency("token", State.UNFIT, why, fix)
    if explained.principal is not None and not explained.principal.roles:
        return Dependency("token", State.UNFIT, f"accepted, but its roles are {roles}", "the caller has no role here")
    return Dependency("token", State.OK, f"accepted; roles: {roles}; e-mail: {told.get('e-mail', '')}")


async def _fetch_keys(url: str) -> bytes:
    """As the verifier would, without the client that it loads: `doctor` has three seconds."""
    try:
        return (await asyncio.to_thread(_fetch, url)).body
    except (OSError, HTTPException) as error:
        raise FetchError(reason_of(error)) from None


def _metadata_probe(name: str, issuer: Issuer, fix: str) -> Probe:
    url = issuer.url + METADATA_PATH

    def judge(document: Document) -> Dependency:
        mistakes = [
            *in_metadata(document.body, issuer, TokenPolicy()),
            *in_clock(document.date, document.received_at),
        ]
        return _judged(name, mistakes, "") or Dependency(name, State.OK, f"metadata at {url}")

    return lambda: _asked(name, url, fix, judge)


def _keys_probe(name: str, issuer: Issuer, fix: str, tenant_keys_url: str) -> Probe:
    """`tenant_keys_url` is where AUTH0_DOMAIN has its keys, empty for a stand-in that does not run."""
    url = issuer.keys_url

    def judge(document: Document) -> Dependency:
        usable, mistakes = in_keys(document.body, TokenPolicy())
        if not usable:
            return _judged(name, mistakes, f"{url}: ") or Dependency(name, State.UNFIT, f"{url} has no keys", fix)
        foreign = _judged(name, list(_of_another_tenant(document.body, url, tenant_keys_url)), f"{url}: ")
        if foreign is not None:
            return foreign
        told = "".join(f"; {mistake.what}" for mistake in mistakes)
        return Dependency(name, State.OK, f"{usable} at {url}{told}", mistakes[0].fix if mistakes else "")

    return lambda: _asked(name, url, fix, judge)


def _of_another_tenant(keys: bytes, url: str, tenant_keys_url: str) -> Iterator[Mistake]:
    """Whether a further issuer is none of the tenant's names. The tenant's own probe says when it does not answer."""
    if tenant_keys_url in {"", url}:
        return
    with suppress(OSError, HTTPException, ValueError):
        yield from in_names(_fetch(tenant_keys_url).body, keys, TokenPolicy())


def _asked(name: str, url: str, fix: str, judge: Callable[[Document], Dependency]) -> Dependency:
    try:
        document = _fetch(url)
    except urllib.error.HTTPError as error:
        return Dependency(name, State.DOWN, f"{url}: HTTP {error.code}", fix)
    except (OSError, HTTPException) as error:
        return Dependency(name, State.DOWN, f"{url}: {reason_of(error)}", fix)
    try:
        return judge(document)
    except ValueError:
        return Dependency(name, State.DOWN, f"{url} answers something that is no JSON object", fix)


def _fetch(url: str) -> Document:
    with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310 -- an issuer of the settings
        return Document(answer.read(MAX_DOCUMENT_BYTES), answer.headers.get("date"), time.time())


def _judged(name: str, mistakes: Sequence[Mistake], where: str) -> Dependency | None:
    if not mistakes:
        return None
    return Dependency(name, State.UNFIT, where + _joined(mistake.what for mistake in mistakes), mistakes[0].fix)


def _joined(texts: Iterable[str]) -> str:
    return "; ".join(texts)


def reason_of(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__
