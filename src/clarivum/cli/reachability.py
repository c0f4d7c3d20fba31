"""What this process depends on and whether it answers: the database, the issuers, the collector.

All are asked at the same time and none is waited for longer than DEADLINE_S, so that the answer is there within five
seconds whatever is down.
"""

import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException

from clarivum.cli.dependency import Dependency, Probe, State
from clarivum.cli.issuer_probes import HTTP_TIMEOUT_S, issuer_probes, reason_of, settings_probe, token_probe
from clarivum.cli.place import Running
from clarivum.database.provision import login_facts, refuse_unsafe_login
from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.settings import Settings, mask
from clarivum.telemetry import scrub

DEADLINE_S = 3.0


def dependencies(settings: Settings, running: Running | None, token: str | None = None) -> list[Dependency]:
    """Ask all of them; `running` is what a running `up` has noted, asked where a setting names nothing else.

    `token` is one to be judged by the issuers, if there is one.
    """
    probes: dict[str, tuple[str, Probe]] = {
        "database": (mask(settings.database_url), lambda: database(settings, running))
    }
    found = []
    try:
        probes |= {name: (asked, probe) for name, asked, probe in issuer_probes(settings, running)}
    except ConfigurationError as error:
        found.append(Dependency("sign-in settings", State.UNFIT, error.detail, "correct the named variable"))
    else:
        wrong = settings_probe(settings)
        found += [wrong] if wrong is not None else []
        if token is not None:
            judged = settings.model_copy(update=_stand_in_at(settings, running))
            probes["token"] = (settings.issuer, lambda: token_probe(token, judged))
    probes["collector"] = (mask(settings.otlp_endpoint), lambda: collector(settings))
    return [*ask_all(probes, DEADLINE_S), *found]


def _stand_in_at(settings: Settings, running: Running | None) -> dict[str, str]:
    """Where the stand-in runs, if it is used."""
    runs = settings.uses_stand_in and running is not None and running.identity_url is not None
    return {"identity_url": str(running.identity_url)} if runs and running is not None else {}


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
        return Dependency("collector", State.DOWN, f"{mask(url)}: {reason_of(error)}", fix)


OTLP_HEADERS_FIX = "correct OTEL_EXPORTER_OTLP_HEADERS: the collector refuses the credentials in it"


def _otlp_headers(settings: Settings) -> dict[str, str]:
    text = settings.otlp_headers.get_secret_value() if settings.otlp_headers else ""
    pairs = (pair.partition("=") for pair in text.split(",") if "=" in pair)
    return {name.strip(): value.strip() for name, _, value in pairs}
