"""What this process depends on and whether it answers: the database, the issuer's keys, the collector.

All are asked at the same time and none is waited for longer than DEADLINE_S, so that the answer is there within five
seconds whatever is down.
"""

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException

from clarivum.cli.place import Running
from clarivum.database.provision import login_facts, refuse_unsafe_login
from clarivum.errors import ConfigurationError, DependencyDownError, Exit
from clarivum.settings import Settings, mask
from clarivum.telemetry import scrub

DEADLINE_S = 3.0
HTTP_TIMEOUT_S = 2.5
KEYS_PATH = ".well-known/jwks.json"
MAX_KEYS_BYTES = 1_000_000


class State(StrEnum):
    """How a dependency is."""

    OK = "ok"
    DOWN = "down"
    UNFIT = "unfit"
    """It answers, but cannot be used as it is configured."""
    OFF = "off"
    """Not configured; nothing depends on it now."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One dependency, as found. `fix` is empty unless something is to be done."""

    name: str
    state: State
    detail: str
    fix: str = ""

    @property
    def exit(self) -> Exit:
        return {State.DOWN: Exit.DEPENDENCY_DOWN, State.UNFIT: Exit.CONFIGURATION}.get(self.state, Exit.OK)


Probe = Callable[[], Dependency]


def dependencies(settings: Settings, running: Running | None) -> list[Dependency]:
    """Ask all of them; `running` is what a running `up` has noted, asked where a setting names nothing else."""
    return ask_all(
        {
            "database": (mask(settings.database_url), lambda: database(settings, running)),
            "issuer keys": (settings.issuer, lambda: issuer(settings, running)),
            "collector": (mask(settings.otlp_endpoint), lambda: collector(settings)),
        },
        DEADLINE_S,
    )


def ask_all(probes: Mapping[str, tuple[str, Probe]], deadline_s: float) -> list[Dependency]:
    """Run the probes side by side, each named with what it asks; one that is late is down, and left behind."""
    answers: dict[str, Dependency] = {}

    def ask(name: str, probe: Probe) -> None:
        try:
            answers[name] = probe()
        except Exception as error:
            fix = "correct the setting that names it"
            answers[name] = Dependency(name, State.UNFIT, f"cannot be asked: {scrub(str(error))}", fix)

    threads = [
        threading.Thread(target=ask, args=(name, probe), name=f"doctor {name}", daemon=True)
        for name, (_, probe) in probes.items()
    ]
    deadline = time.monotonic() + deadline_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return [answers.get(name) or _late(name, asked, deadline_s) for name, (asked, _) in probes.items()]


def _late(name: str, asked: str, deadline_s: float) -> Dependency:
    fix = "a firewall or a wrong address swallows the packets: check host and port"
    return Dependency(name, State.DOWN, f"{asked}: no answer within {deadline_s:g} s", fix)


def database(settings: Settings, running: Running | None) -> Dependency:
    """The database that requests are served from, and its login."""
    configured = settings.database_url
    url = configured.get_secret_value() if configured else running.database_url if running else None
    if url is None:
        return Dependency("database", State.OFF, "DATABASE_URL is not set; ./clarivum up starts the embedded one")
    try:
        facts = login_facts(url)
    except DependencyDownError as error:
        what = "start it, or correct DATABASE_URL" if configured else "start ./clarivum up again"
        return Dependency("database", State.DOWN, error.detail, what)
    shown = f"Postgres {facts.server_release} as {facts.login} at {mask(url)}"
    try:
        refuse_unsafe_login(facts)
    except ConfigurationError as error:
        return Dependency("database", State.UNFIT, shown, error.detail)
    return Dependency("database", State.OK, shown)


def issuer(settings: Settings, running: Running | None) -> Dependency:
    """The key set that tokens are verified against."""
    address = settings.issuer
    if settings.uses_stand_in:
        if running is None or running.identity_url is None:
            return Dependency("issuer keys", State.OFF, "AUTH0_DOMAIN is not set; ./clarivum up starts the stand-in")
        address = running.identity_url
    url = address + KEYS_PATH
    fix = "start ./clarivum up again" if settings.uses_stand_in else "check AUTH0_DOMAIN, and that HTTPS gets out"
    try:
        with urllib.request.urlopen(url, timeout=HTTP_TIMEOUT_S) as answer:  # noqa: S310 -- the issuer of the settings
            keys = json.loads(answer.read(MAX_KEYS_BYTES))["keys"]
    except (OSError, HTTPException) as error:
        return Dependency("issuer keys", State.DOWN, f"{url}: {_reason(error)}", fix)
    except (ValueError, KeyError, TypeError):
        return Dependency("issuer keys", State.DOWN, f"{url} answers something that is no key set", fix)
    if not keys:
        return Dependency("issuer keys", State.DOWN, f"{url} answers a set without keys", fix)
    return Dependency("issuer keys", State.OK, f"{len(keys)} at {url}")


def collector(settings: Settings) -> Dependency:
    """The OTLP collector: an empty export must be accepted."""
    if settings.telemetry_disabled:
        return Dependency("collector", State.OFF, "telemetry is switched off by OTEL_SDK_DISABLED")
    if settings.otlp_endpoint is None:
        return Dependency("collector", State.OFF, "OTEL_EXPORTER_OTLP_ENDPOINT is not set: nothing is exported")
    url = settings.otlp_endpoint.rstrip("/") + "/v1/traces"
    fix = "start the collector, or correct OTEL_EXPORTER_OTLP_ENDPOINT (4318 is OTLP over HTTP, 4317 is gRPC)"
    headers = {"content-type": "application/x-protobuf", **_otlp_headers(settings)}
    request = urllib.request.Request(url, data=b"", headers=headers, method="POST")  # noqa: S310 -- as configured
    try:
        with urllib.request.urlopen(request, timeout=HTTP_TIMEOUT_S):  # noqa: S310
            return Dependency("collector", State.OK, f"accepts spans at {mask(url)}")
    except urllib.error.HTTPError as error:
        if error.code in {401, 403}:
            return Dependency("collector", State.UNFIT, f"{mask(url)} answers {error.code}", OTLP_HEADERS_FIX)
        return Dependency("collector", State.DOWN, f"{mask(url)} answers {error.code}", fix)
    except (OSError, HTTPException) as error:
        return Dependency("collector", State.DOWN, f"{mask(url)}: {_reason(error)}", fix)


OTLP_HEADERS_FIX = "correct OTEL_EXPORTER_OTLP_HEADERS: the collector refuses the credentials in it"


def _otlp_headers(settings: Settings) -> dict[str, str]:
    text = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", "") or error) or type(error).__name__
